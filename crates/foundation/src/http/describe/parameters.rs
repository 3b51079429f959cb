//! What parameters mean, by name.

const REQUEST_ID: &str = "Id of the request, from the answer that made it.";
const SYSTEM_USER_ID: &str = "Id of the system user.";
const PARTY_UUID: &str = "Uuid of the party that owns the system user.";
const WORD: &str = "Only resources with this text in that member, in any case.";

/// What a parameter of an operation means; none for a name that is not known here. `path` is the
/// template of the operation.
pub fn meaning(path: &str, name: &str) -> Option<&'static str> {
    Some(match name {
        "id" => id_in(path),
        "party" => "Party id of the organisation that is acted for: an integer.",
        "requestId" => REQUEST_ID,
        "systemId" | "system-id" => {
            "Id of the system in the system register: the vendor's organisation number, `_`, and a name of the vendor's own."
        }
        "systemUserId" | "system-user-id" => SYSTEM_USER_ID,
        "orgNo" | "orgno" => "Organisation number of the customer, nine digits.",
        "orgNr" | "orgNumber" => "Organisation number, nine digits.",
        "externalRef" | "external-ref" => {
            "The vendor's reference of the system user; the customer's organisation number when the vendor gave none."
        }
        "correlation-id" => {
            "A uuid of the vendor's own. Asked again with the same one, the answer is the stored change request."
        }
        "agent" => "Id of the system user for clients.",
        "client" => "Party uuid of the client.",
        "clientId" => "Client id at Maskinporten, as the system register has it.",
        "delegationId" => "Party uuid of the client whose delegation ends.",
        "facilitator" | "facilitatorId" | "provider" | "partyUuid" | "partyuuid" => PARTY_UUID,
        "systemProviderOrgNo" => "Organisation number of the vendor.",
        "systemUserOwnerOrgNo" => "Organisation number of the system user's owner.",
        "token" | "after" => "Where the page begins: from `links.next` of the page before.",
        "limit" => "Greatest number of items of a page.",
        "packages" => {
            "Only clients that gave one of these access packages, by URN or by its last part."
        }
        "tokenProvider" => "Who issued the token: `maskinporten` or `id-porten`.",
        "test" => "Outside production: whether the service owner `digdir` becomes `ttd`.",
        "useOldFormatForApp" => {
            "Whether rights of apps are written as `urn:altinn:resource` with `app_{org}_{app}`."
        }
        "explain" => {
            "Whether the answer says how the decision came about. For the resource's own organisation or with the admin scope."
        }
        "includeRoles" => "Whether roles are listed.",
        "includeClientDelegations" => {
            "Whether clients that were delegated are listed; `true` when left out."
        }
        "includeAgentConnections" => "Whether agents of clients are listed; `true` when left out.",
        "includePackageResources" => "Whether resources of the role's packages are listed.",
        "includeAccessPackages" => "Whether access packages are listed.",
        "includeResources" => "Whether single resources are listed.",
        "includeInstances" => {
            "Whether instances are listed. Delegations of instances are not kept here, so the list is empty."
        }
        "includePartiesViaKeyRoles" => {
            "Whether parties are listed that the subject reaches by a key role: `true`, `false` or `auto`, which is `true`."
        }
        "includeSubParties" => {
            "Whether sub-units are listed: `true`, `false` or `auto`, which is `true`."
        }
        "includeInactiveParties" => {
            "Whether deleted parties are listed: `true`, `false` or `auto`, which is `true`."
        }
        "orgCode" if path.ends_with("/search") => WORD,
        "orgCode" => {
            "Only parties for which something leads to a resource of the service owner with this code."
        }
        "anyOfResourceIds" => "Only parties for which something leads to one of these resources.",
        "fetchSubUnits" => "Whether each organisation comes with its sub-units in `childParties`.",
        "fields" => {
            "Parts of a party that are wanted, separated by commas: `uuid`, `id`, `identifiers`, `display-name`, `party`, `person`, `org`, `user`."
        }
        "ids" => "Integer party ids, separated by commas or in several parameters.",
        "uuids" => "Party uuids, separated by commas or in several parameters.",
        "orgs" => "Organisation numbers, separated by commas or in several parameters.",
        "includeSsn" => "Whether national identity numbers of persons are shown.",
        "uuid" => "Uuid of the party.",
        "partyId" => "Id of the party: an integer.",
        "partyComponentOption" => {
            "`NameComponents` for names in parts; `None`, as without it, for whole names alone."
        }
        "roles" => "Only clients that gave one of these roles, by code.",
        "resources" => "Only clients that gave one of these resources, by identifier.",
        "status" => "Changes nothing.",
        "owner" => "Code of the service owner, in any letter case.",
        "identifier" => "Identifier of the list, unique among those of its owner.",
        "resourceIdentifier" => "Identifier of the resource.",
        "role" => "Role: its code, its URN or its id.",
        "variant" => "An organisation form, such as `AS`.",
        "term" => "Text to look for; empty gives everything.",
        "urnValue" => "URN of the package, or the part after `urn:altinn:accesspackage:`.",
        "includeAppRights" => "Whether rights of apps are listed.",
        "includeServiceOwnerRights" => "Whether rights of the service owner itself are listed.",
        "reloadFromXacml" => "Changes nothing: the answer always comes from the policy itself.",
        "includeApps" => "Whether apps are listed; `true` when left out.",
        "includeMigratedApps" => {
            "Whether apps that were moved over are listed; `false` when left out."
        }
        "since" => {
            "Only what changed at this time or later: a time with offset. Everything when left out."
        }
        "versionId" => "Number of the version; the newest when left out.",
        "title" | "description" | "keyword" | "reference" | "organizationId" => WORD,
        "resourceType" => "Only resources of this type, by name.",
        _ => return None,
    })
}

/// What `{id}` is.
fn id_in(path: &str) -> &'static str {
    let has = |part: &str| path.contains(part);
    if has("/resource/search") {
        WORD
    } else if has("/resourceregistry/") {
        "Identifier of the resource."
    } else if has("/decisions/") {
        "Id of the answer, from its header `Systembruker-Decision-Id`."
    } else if has("request/") {
        REQUEST_ID
    } else if has("/accesspackages/group/") {
        "Id of the group of areas."
    } else if has("/accesspackages/area/") {
        "Id of the area."
    } else if has("/accesspackages/package/") {
        "Id of the access package."
    } else if has("/meta/info/roles/") {
        "Id of the role."
    } else {
        SYSTEM_USER_ID
    }
}
