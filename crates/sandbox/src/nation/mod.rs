//! A synthetic nation for performance work, as files in the operator's import format. The same seed
//! and scale always give the same bytes. No person in it exists: identity numbers have a month that
//! no calendar has.

mod numbers;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use chrono::{Days, NaiveDate};
use indicatif::ProgressBar;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore as _, SeedableRng as _},
};
use serde_json::{Value, json};
use uuid::Uuid;

use self::numbers::{hop, identity_numbers, index, org_numbers, pick};
use edges::import::ImportKind;
use registers::packages::Catalogue;

/// How large a nation is, at a scale.
#[derive(Debug, Clone, Copy)]
struct NationSize {
    main_units: usize,
    sub_units: usize,
    persons: usize,
    accountants: usize,
    auditors: usize,
    managers: usize,
    accounts: usize,
    audits: usize,
    managements: usize,
    owners: usize,
    resources: usize,
    vendors: usize,
    systems: usize,
    standard_users: usize,
    agents: usize,
    delegations: usize,
    requests: usize,
}

impl NationSize {
    fn at(scale: f64) -> Self {
        let scaled = |whole: f64, least: usize| index(whole * scale).max(least);
        Self {
            main_units: scaled(700_000.0, 200),
            sub_units: scaled(400_000.0, 100),
            persons: scaled(5_000_000.0, 1_000),
            accountants: scaled(12_000.0, 10),
            auditors: scaled(3_000.0, 5),
            managers: scaled(1_500.0, 5),
            accounts: scaled(450_000.0, 100),
            audits: scaled(150_000.0, 30),
            managements: scaled(50_000.0, 10),
            owners: scaled(60.0, 5),
            resources: scaled(1_000.0, 20),
            vendors: scaled(1_200.0, 5),
            systems: scaled(3_000.0, 10),
            standard_users: scaled(85_000.0, 50),
            agents: scaled(15_000.0, 10),
            delegations: scaled(5_000_000.0, 200),
            requests: scaled(300_000.0, 50),
        }
    }
}

/// What to make.
#[derive(Debug, Clone)]
pub struct NationOptions {
    /// Folder of the files; made when it is not there.
    pub out: PathBuf,
    /// Which nation.
    pub seed: u64,
    /// How much of a whole one: 1 is Norway.
    pub scale: f64,
}

/// Makes the files; gives the number of lines of each kind, in load order.
///
/// # Errors
/// A file cannot be written.
pub fn generate(
    catalogue: &Catalogue,
    options: &NationOptions,
    progress: &ProgressBar,
) -> anyhow::Result<Vec<(ImportKind, u64)>> {
    anyhow::ensure!(
        options.scale > 0.0 && options.scale <= 1.0,
        "the scale must be between 0.01 and 1"
    );
    fs::create_dir_all(options.out.join("policies"))
        .with_context(|| format!("creating {}", options.out.display()))?;
    let mut nation = Nation {
        random: ChaCha8Rng::seed_from_u64(options.seed),
        size: NationSize::at(options.scale),
        out: &options.out,
        progress,
        orgs: Vec::new(),
        forms: Vec::new(),
        persons: Vec::new(),
        clients: Vec::new(),
        packages: assignable(catalogue),
        counts: Vec::new(),
    };
    nation.organizations()?;
    nation.persons()?;
    nation.roles()?;
    nation.service_owners()?;
    nation.resources()?;
    nation.access_lists()?;
    nation.vendors()?;
    nation.systems()?;
    let agents = nation.system_users()?;
    nation.client_delegations(&agents)?;
    nation.requests()?;
    let counts: BTreeMap<&str, u64> = nation
        .counts
        .iter()
        .map(|(kind, count)| (kind.as_str(), *count))
        .collect();
    let manifest = json!({"profile": "national", "seed": options.seed, "scale": options.scale, "counts": counts});
    fs::write(
        options.out.join("manifest.json"),
        serde_json::to_string_pretty(&manifest)?,
    )?;
    Ok(nation.counts)
}

/// Values of the packages that may be given to an organisation's system user.
fn assignable(catalogue: &Catalogue) -> Vec<String> {
    let mut all: Vec<String> = catalogue
        .packages()
        .filter(|p| {
            p.is_assignable
                && p.is_delegable
                && p.entity == registers::packages::EntityKind::Organization
        })
        .map(|p| p.value().to_owned())
        .collect();
    all.sort();
    all
}

/// A relation between a client and its facilitator, by their places among the organisations.
struct NationRelation {
    client: u32,
    firm: u32,
    role: &'static str,
}

struct Nation<'a> {
    random: ChaCha8Rng,
    size: NationSize,
    out: &'a Path,
    progress: &'a ProgressBar,
    /// Organisation numbers: main units first, then sub-units.
    orgs: Vec<u32>,
    /// Forms of the main units.
    forms: Vec<&'static str>,
    persons: Vec<u64>,
    clients: Vec<NationRelation>,
    packages: Vec<String>,
    counts: Vec<(ImportKind, u64)>,
}

const FORMS: [(&str, u64); 12] = [
    ("AS", 370),
    ("ENK", 370),
    ("FLI", 80),
    ("NUF", 30),
    ("ESEK", 30),
    ("BRL", 10),
    ("ANS", 25),
    ("DA", 25),
    ("STI", 15),
    ("SA", 15),
    ("ORGL", 25),
    ("KBO", 5),
];
const FIRST: [&str; 24] = [
    "Anne", "Bjørn", "Cathrine", "Dag", "Eva", "Frode", "Gro", "Hans", "Ida", "Jan", "Kari",
    "Lars", "Mona", "Nils", "Oda", "Per", "Ragnhild", "Svein", "Tone", "Ulf", "Vigdis", "Øyvind",
    "Åse", "Åsmund",
];
const LAST: [&str; 24] = [
    "Aasen",
    "Bakke",
    "Dahl",
    "Eide",
    "Foss",
    "Gran",
    "Haugen",
    "Isaksen",
    "Jordet",
    "Kvam",
    "Lie",
    "Moen",
    "Nygård",
    "Odden",
    "Plassen",
    "Rønning",
    "Solberg",
    "Tangen",
    "Ulven",
    "Vik",
    "Ytterdal",
    "Ødegård",
    "Åmot",
    "Sæther",
];
const TRADES: [&str; 16] = [
    "BYGG",
    "HANDEL",
    "TRANSPORT",
    "REGNSKAP",
    "FISK",
    "DATA",
    "HELSE",
    "SKOG",
    "MASKIN",
    "EIENDOM",
    "RÅDGIVNING",
    "MAT",
    "KULTUR",
    "ENERGI",
    "HAVN",
    "VERKSTED",
];
/// A power of a uniform number: the first of 12,000 firms gets a ninth of all clients.
const SKEW: f64 = 4.5;

impl Nation<'_> {
    fn below(&mut self, limit: usize) -> usize {
        if limit == 0 {
            0
        } else {
            (self.random.next_u64() % limit as u64) as usize
        }
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.random.next_u64() % 100 < percent
    }

    fn fraction(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An index that prefers the first ones, steeply.
    fn skewed(&mut self, limit: usize) -> usize {
        index(self.fraction().powf(SKEW) * limit as f64 - 0.5).min(limit.saturating_sub(1))
    }

    fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        self.random.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    fn choose<'s>(&mut self, list: &[&'s str]) -> &'s str {
        list[self.below(list.len())]
    }

    fn package(&mut self) -> String {
        let at = self.below(self.packages.len());
        self.packages[at].clone()
    }

    /// Number of some organisation among the first ones.
    fn some_org(&mut self, limit: usize) -> String {
        let at = self.below(limit);
        self.orgs[at].to_string()
    }

    fn some_person(&mut self) -> u64 {
        let at = self.below(self.persons.len());
        self.persons[at]
    }

    fn packages_of(&mut self, most: usize) -> Vec<String> {
        let count = 1 + self.below(most);
        let mut out: Vec<String> = (0..count)
            .map(|_| format!("urn:altinn:accesspackage:{}", self.package()))
            .collect();
        out.sort();
        out.dedup();
        out
    }

    fn file(&self, kind: ImportKind) -> anyhow::Result<NationFile> {
        self.progress.set_message(format!("{} …", kind.as_str()));
        let path = self.out.join(format!("{}.ndjson", kind.as_str()));
        let file = File::create(&path).with_context(|| format!("writing {}", path.display()))?;
        Ok(NationFile {
            kind,
            file: BufWriter::with_capacity(1 << 20, file),
            count: 0,
        })
    }

    fn done(&mut self, lines: NationFile) -> anyhow::Result<()> {
        self.counts.push((lines.kind, lines.count));
        Ok(lines
            .file
            .into_inner()
            .map_err(|e| anyhow::anyhow!("{}", e.error()))?
            .sync_data()?)
    }

    fn organizations(&mut self) -> anyhow::Result<()> {
        let all = self.size.main_units + self.size.sub_units;
        self.orgs = org_numbers().take(all).collect();
        let weight: u64 = FORMS.iter().map(|(_, w)| w).sum();
        let mut lines = self.file(ImportKind::Organizations)?;
        for at in 0..self.size.main_units {
            // The first ones are the firms that others turn to.
            let form = if at < self.size.accountants + self.size.auditors + self.size.managers {
                "AS"
            } else {
                pick(&FORMS, self.random.next_u64() % weight)
            };
            self.forms.push(form);
            let (family, trade) = (self.choose(&LAST).to_uppercase(), self.choose(&TRADES));
            lines.put(&json!({"orgNumber": self.orgs[at].to_string(), "name": format!("{family} {trade} {at} {form}"), "form": form}))?;
        }
        for at in self.size.main_units..all {
            let (main, trade) = (self.some_org(self.size.main_units), self.choose(&TRADES));
            lines.put(&json!({"orgNumber": self.orgs[at].to_string(), "name": format!("AVD {trade} {at}"), "form": "BEDR", "parent": main}))?;
        }
        self.done(lines)
    }

    fn persons(&mut self) -> anyhow::Result<()> {
        let mut lines = self.file(ImportKind::Persons)?;
        let first = NaiveDate::from_ymd_opt(1930, 1, 1).unwrap_or_default();
        let days = 79 * 365;
        let per_day = self.size.persons.div_ceil(days);
        'all: for day in 0..days {
            let date = first + Days::new(day as u64);
            for id in identity_numbers(date).take(per_day) {
                if self.persons.len() == self.size.persons {
                    break 'all;
                }
                let (given, family) = (self.choose(&FIRST), self.choose(&LAST));
                let middle = self.chance(20).then(|| self.choose(&LAST));
                lines.put(&json!({"personId": format!("{id:011}"), "firstName": given, "middleName": middle, "lastName": family, "birthDate": date.to_string()}))?;
                self.persons.push(id);
            }
        }
        self.done(lines)
    }

    fn roles(&mut self) -> anyhow::Result<()> {
        let mut lines = self.file(ImportKind::Roles)?;
        for at in 0..self.size.main_units {
            let from = self.orgs[at].to_string();
            let leaders: &[&str] = match self.forms[at] {
                "ENK" => &["INNH"],
                "NUF" => &["DAGL", "KONT"],
                "FLI" | "ESEK" | "BRL" => &["LEDE"],
                "ANS" | "DA" => &["DTSO", "DTSO"],
                "KBO" => &["BOBE"],
                _ => &["DAGL", "LEDE"],
            };
            let mut held: Vec<(&str, u64)> = Vec::new();
            for role in leaders {
                let person = self.some_person();
                held.push((role, person));
            }
            if self.forms[at] != "ENK" {
                for _ in 0..4 + self.below(27) {
                    let role = self.choose(&["MEDL", "VARA", "NEST", "OBS"]);
                    let person = self.some_person();
                    held.push((role, person));
                }
            }
            held.sort_unstable();
            held.dedup();
            for (role, person) in held {
                lines.put(
                    &json!({"from": from, "role": role, "toPerson": format!("{person:011}")}),
                )?;
            }
        }
        self.facilitators(&mut lines)?;
        self.done(lines)
    }

    /// Who keeps whose books, audits them, or manages the property.
    fn facilitators(&mut self, lines: &mut NationFile) -> anyhow::Result<()> {
        let NationSize {
            accountants,
            auditors,
            managers,
            accounts,
            audits,
            managements,
            main_units,
            ..
        } = self.size;
        let firms = accountants + auditors + managers;
        for (role, begin, count, relations) in [
            ("REGN", 0, accountants, accounts),
            ("REVI", accountants, auditors, audits),
            ("FFØR", accountants + auditors, managers, managements),
        ] {
            let eligible: Vec<usize> = (firms..main_units)
                .filter(|at| role != "FFØR" || matches!(self.forms[*at], "BRL" | "ESEK" | "NUF"))
                .collect();
            // Each client has one of a kind: go through them in an order that hops.
            let step = hop(eligible.len());
            for n in 0..relations.min(eligible.len()) {
                let client = eligible[(n * step) % eligible.len()];
                let firm = begin + self.skewed(count);
                lines.put(&json!({"from": self.orgs[client].to_string(), "role": role, "toOrg": self.orgs[firm].to_string()}))?;
                self.clients.push(NationRelation {
                    client: client as u32,
                    firm: firm as u32,
                    role,
                });
            }
        }
        Ok(())
    }

    fn service_owners(&mut self) -> anyhow::Result<()> {
        let mut lines = self.file(ImportKind::ServiceOwners)?;
        for at in 0..self.size.owners {
            let name = format!("Etat {at}");
            lines.put(&json!({"orgcode": format!("et{at:03}"), "orgNumber": self.orgs[self.size.main_units - 1 - at].to_string(), "name": {"nb": name, "nn": name, "en": format!("Agency {at}")}}))?;
        }
        self.done(lines)
    }

    fn resources(&mut self) -> anyhow::Result<()> {
        let mut lines = self.file(ImportKind::Resources)?;
        for at in 0..self.size.resources {
            let owner = at % self.size.owners;
            let id = format!("nasjon-tjeneste-{at:04}");
            let rules = 1 + self.below(6);
            let by_role = at % 33 == 7;
            let policy = self.policy(&id, rules, by_role);
            fs::write(self.out.join("policies").join(format!("{id}.xml")), policy)?;
            let name = format!("Tjeneste {at}");
            let texts = json!({"nb": name, "nn": name, "en": format!("Service {at}")});
            lines.put(&json!({"identifier": id, "title": texts, "description": texts, "rightDescription": texts, "status": "Active", "contactPoints": [],
                "resourceType": "GenericAccessResource", "delegable": true, "visible": true, "accessListMode": if at % 50 == 11 { "Enabled" } else { "Disabled" },
                "hasCompetentAuthority": {"name": texts, "organization": self.orgs[self.size.main_units - 1 - owner].to_string(), "orgcode": format!("et{owner:03}")},
                "policyFile": format!("policies/{id}.xml")}))?;
        }
        self.done(lines)
    }

    fn policy(&mut self, id: &str, rules: usize, by_role: bool) -> String {
        use std::fmt::Write as _;
        let matched = |function: &str, value: &str, attribute: &str, category: &str| {
            format!(
                r#"<AllOf><Match MatchId="urn:oasis:names:tc:xacml:{function}"><AttributeValue DataType="http://www.w3.org/2001/XMLSchema#string">{value}</AttributeValue><AttributeDesignator AttributeId="{attribute}" Category="urn:oasis:names:tc:xacml:{category}" DataType="http://www.w3.org/2001/XMLSchema#string" MustBePresent="false"/></Match></AllOf>"#
            )
        };
        let mut out = format!(
            r#"<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="urn:altinn:policyid:{id}" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"><Target/>"#
        );
        for rule in 0..rules {
            let mut subjects = String::new();
            for _ in 0..=self.below(4) {
                let (attribute, value) = if by_role {
                    (
                        "urn:altinn:rolecode",
                        self.choose(&["dagl", "lede", "innh", "regna"]).to_owned(),
                    )
                } else {
                    ("urn:altinn:accesspackage", self.package())
                };
                subjects += &matched(
                    "3.0:function:string-equal-ignore-case",
                    &value,
                    attribute,
                    "1.0:subject-category:access-subject",
                );
            }
            let resource = matched(
                "1.0:function:string-equal",
                id,
                "urn:altinn:resource",
                "3.0:attribute-category:resource",
            );
            let action = matched(
                "1.0:function:string-equal",
                ["read", "write", "sign", "access"][rule % 4],
                "urn:oasis:names:tc:xacml:1.0:action:action-id",
                "3.0:attribute-category:action",
            );
            let _ = write!(
                out,
                r#"<Rule RuleId="urn:altinn:ruleid:{rule}" Effect="Permit"><Target><AnyOf>{subjects}</AnyOf><AnyOf>{resource}</AnyOf><AnyOf>{action}</AnyOf></Target></Rule>"#
            );
        }
        out.push_str(r#"<ObligationExpressions><ObligationExpression ObligationId="urn:altinn:obligation:authenticationLevel1" FulfillOn="Permit"><AttributeAssignmentExpression AttributeId="urn:altinn:obligation1-assignment1" Category="urn:altinn:minimum-authenticationlevel"><AttributeValue DataType="http://www.w3.org/2001/XMLSchema#integer">3</AttributeValue></AttributeAssignmentExpression></ObligationExpression></ObligationExpressions></Policy>"#);
        out
    }

    fn access_lists(&mut self) -> anyhow::Result<()> {
        let mut lines = self.file(ImportKind::AccessLists)?;
        for at in (0..self.size.resources).filter(|at| at % 50 == 11) {
            let members: Vec<String> = (0..100).map(|_| self.some_org(self.orgs.len())).collect();
            lines.put(
                &json!({"owner": format!("et{:03}", at % self.size.owners), "identifier": format!("liste-{at}"), "name": "Liste", "description": "",
                "members": members, "resources": [{"resource": format!("nasjon-tjeneste-{at:04}"), "actionFilters": []}]}),
            )?;
        }
        self.done(lines)
    }

    /// Vendors are organisations in the middle.
    fn vendor(&self, at: usize) -> String {
        self.orgs[self.size.main_units / 2 + at % self.size.vendors].to_string()
    }

    fn vendors(&mut self) -> anyhow::Result<()> {
        let mut lines = self.file(ImportKind::Vendors)?;
        for at in 0..self.size.vendors {
            lines.put(&json!({"orgNumber": self.vendor(at), "status": "active"}))?;
        }
        self.done(lines)
    }

    fn system_id(&self, at: usize) -> String {
        format!("{}_nasjon_{at}", self.vendor(at))
    }

    fn systems(&mut self) -> anyhow::Result<()> {
        let mut lines = self.file(ImportKind::Systems)?;
        for at in 0..self.size.systems {
            let name = format!("System {at}");
            let texts = json!({"nb": name, "nn": name, "en": name});
            // Every fifth is for those who act for clients.
            let packages: Vec<String> = if at % 5 == 0 {
                CLIENT_PACKAGES
                    .iter()
                    .map(|p| format!("urn:altinn:accesspackage:{p}"))
                    .collect()
            } else {
                self.packages_of(12)
            };
            let packages: Vec<Value> = packages
                .into_iter()
                .map(|urn| json!({"urn": urn}))
                .collect();
            lines.put(&json!({"id": self.system_id(at), "vendor": format!("0192:{}", self.vendor(at)), "name": texts, "description": texts, "rights": [],
                "accessPackages": packages, "clientId": [self.uuid()], "allowedRedirectUrls": [format!("https://system{at}.example/kvittering")], "isVisible": at % 5 != 0, "isDeleted": false}))?;
        }
        self.done(lines)
    }

    /// Gives the agents: their ids by the firm that owns them.
    fn system_users(&mut self) -> anyhow::Result<BTreeMap<u32, Vec<Uuid>>> {
        let mut lines = self.file(ImportKind::SystemUsers)?;
        for at in 0..self.size.standard_users {
            let system = loop {
                let system = self.below(self.size.systems);
                if !system.is_multiple_of(5) {
                    break system;
                }
            };
            let owner = self.some_org(self.size.main_units);
            let rights: Vec<Value> = if self.chance(10) {
                vec![
                    json!({"resource": format!("nasjon-tjeneste-{:04}", self.below(self.size.resources)), "actions": ["read", "write"]}),
                ]
            } else {
                Vec::new()
            };
            lines.put(
                &json!({"id": self.uuid(), "userType": "standard", "systemId": self.system_id(system), "integrationTitle": format!("System {system}"),
                "ownerOrgNo": owner, "externalRef": format!("n{at}"), "accessPackages": self.packages_of(12), "rights": rights,
                "createdDaysAgo": self.below(900)}),
            )?;
        }
        let firms = self.size.accountants + self.size.auditors + self.size.managers;
        let mut agents: BTreeMap<u32, Vec<Uuid>> = BTreeMap::new();
        for at in 0..self.size.agents {
            // The largest firms have many agents, the others one or none.
            let firm = if at % 3 == 0 {
                (at / 3) % firms
            } else {
                self.skewed(firms)
            };
            let system = self.below(self.size.systems.div_ceil(5)) * 5;
            let id = self.uuid();
            lines.put(&json!({"id": id, "userType": "agent", "systemId": self.system_id(system), "integrationTitle": format!("System {system}"),
                "ownerOrgNo": self.orgs[firm].to_string(), "externalRef": format!("a{at}"), "accessPackages": [format!("urn:altinn:accesspackage:{}", CLIENT_PACKAGES[0])],
                "rights": [], "createdDaysAgo": self.below(900)}))?;
            agents.entry(firm as u32).or_default().push(id);
        }
        self.done(lines)?;
        Ok(agents)
    }

    fn client_delegations(&mut self, agents: &BTreeMap<u32, Vec<Uuid>>) -> anyhow::Result<()> {
        let mut lines = self.file(ImportKind::ClientDelegations)?;
        let clients = std::mem::take(&mut self.clients);
        // The rest of what is wanted goes to the firms with several agents.
        let several = 2 * self.size.delegations.div_ceil(clients.len().max(1));
        for relation in &clients {
            let Some(own) = agents.get(&relation.firm) else {
                continue;
            };
            let packages: &[&str] = match relation.role {
                "REGN" => &CLIENT_PACKAGES[..3],
                "REVI" => &CLIENT_PACKAGES[3..5],
                _ => &CLIENT_PACKAGES[5..],
            };
            for agent in own.iter().take(1 + self.below(several)) {
                if lines.count == self.size.delegations as u64 {
                    break;
                }
                let count = 1 + self.below(packages.len());
                let urns: Vec<String> = packages[..count]
                    .iter()
                    .map(|p| format!("urn:altinn:accesspackage:{p}"))
                    .collect();
                lines.put(&json!({"systemUserId": agent, "facilitator": self.orgs[relation.firm as usize].to_string(), "client": self.orgs[relation.client as usize].to_string(),
                    "role": relation.role, "accessPackages": urns}))?;
            }
        }
        self.done(lines)
    }

    fn requests(&mut self) -> anyhow::Result<()> {
        let mut lines = self.file(ImportKind::Requests)?;
        for at in 0..self.size.requests {
            let system = 1 + 5 * self.below(self.size.systems / 5);
            let status = if self.chance(5) {
                "New"
            } else {
                self.choose(&["Accepted", "Rejected"])
            };
            let party = self.some_org(self.size.main_units);
            let packages: Vec<Value> = self
                .packages_of(4)
                .into_iter()
                .map(|urn| json!({"urn": urn}))
                .collect();
            lines.put(&json!({"id": self.uuid(), "userType": "standard", "systemId": self.system_id(system), "partyOrgNo": party,
                "externalRef": format!("r{at}"), "status": status, "escalated": false, "accessPackages": packages, "rights": [], "createdDaysAgo": self.below(170)}))?;
        }
        self.done(lines)
    }
}

const CLIENT_PACKAGES: [&str; 6] = [
    "regnskapsforer-lonn",
    "regnskapsforer-med-signeringsrettighet",
    "regnskapsforer-uten-signeringsrettighet",
    "ansvarlig-revisor",
    "revisormedarbeider",
    "forretningsforer-eiendom",
];

/// A file being written.
struct NationFile {
    kind: ImportKind,
    file: BufWriter<File>,
    count: u64,
}

impl NationFile {
    fn put(&mut self, line: &Value) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.file, line)?;
        self.file.write_all(b"\n")?;
        self.count += 1;
        Ok(())
    }
}
