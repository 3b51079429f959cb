//! The local Maskinporten's client registry, and the key material given to those who act as
//! vendors.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgListener};

use super::{
    keys::{rsa_key, write_private},
    universe,
};
use foundation::{db::DbError, token::SigningKey};

/// Scopes a vendor's client gets: everything that vendors, portals and service owners use.
pub const VENDOR_SCOPES: &[&str] = &[
    "altinn:authentication/systemregister.write",
    "altinn:authentication/systemregister.admin",
    "altinn:authentication/systemuser.request.write",
    "altinn:authentication/systemuser.request.read",
    "altinn:maskinporten/systemuser.read",
    "altinn:authentication/systemuser.admin",
    "altinn:portal/enduser",
    "altinn:clientdelegations.read",
    "altinn:clientdelegations.write",
    "altinn:authorization/authorize",
    "altinn:authorization/authorize.admin",
    "altinn:serviceowner",
    "altinn:resourceregistry/resource.write",
    "altinn:resourceregistry/resource.admin",
    "altinn:register/partylookup.admin",
    "altinn:testtools/tokengenerator/enterprise",
    "altinn:testtools/tokengenerator/enterpriseuser",
    "altinn:testtools/tokengenerator/personal",
    "altinn:testtools/tokengenerator/platform",
    "altinn:accessmanagement/authorizedparties",
    "altinn:accessmanagement/authorizedparties.resourceowner",
    "altinn:accessmanagement/authorizedparties.admin",
    "altinn:systembruker.demo",
];

/// A registered client.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the registry")]
pub struct MaskinportenClient {
    pub client_id: String,
    pub org_number: String,
    pub scopes: Vec<String>,
    pub ungranted_scopes: Vec<String>,
    pub jwks: Value,
    pub expired_kids: Vec<String>,
    pub delegated_by: Vec<String>,
}

impl MaskinportenClient {
    /// The JSON of answers.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"clientId": self.client_id, "orgNumber": self.org_number, "scopes": self.scopes, "ungrantedScopes": self.ungranted_scopes,
            "jwks": self.jwks, "expiredKids": self.expired_kids, "delegatedBy": self.delegated_by})
    }
}

/// What a client needs to ask for tokens.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members of the answer")]
pub struct ClientMaterial {
    pub client_id: String,
    pub kid: String,
    pub private_pem: String,
    pub jwk: Value,
}

impl ClientMaterial {
    /// Out of a key.
    ///
    /// # Errors
    /// The key cannot be taken apart.
    pub fn new(client_id: &str, key: &SigningKey) -> anyhow::Result<Self> {
        Ok(Self {
            client_id: client_id.to_owned(),
            kid: key.kid().to_owned(),
            private_pem: key.to_pem(),
            jwk: key.private_jwk()?,
        })
    }
}

/// A client by id.
pub async fn find(pool: &PgPool, client_id: &str) -> Result<Option<MaskinportenClient>, DbError> {
    if client_id.contains('\0') {
        return Ok(None);
    }
    Ok(sqlx::query_as!(
        MaskinportenClient,
        "select client_id, org_number, scopes, ungranted_scopes, jwks, expired_kids, delegated_by from sandbox_client where client_id = $1",
        client_id
    )
    .fetch_optional(pool)
    .await?)
}

/// Every client, by id.
pub async fn all(pool: &PgPool) -> Result<Vec<MaskinportenClient>, DbError> {
    Ok(sqlx::query_as!(
        MaskinportenClient,
        "select client_id, org_number, scopes, ungranted_scopes, jwks, expired_kids, delegated_by from sandbox_client order by client_id"
    )
    .fetch_all(pool)
    .await?)
}

/// Stores a client, or replaces it.
pub async fn put(pool: &PgPool, client: &MaskinportenClient) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into sandbox_client (client_id, org_number, scopes, ungranted_scopes, jwks, expired_kids, delegated_by)
           values ($1, $2, $3, $4, $5, $6, $7)
           on conflict (client_id) do update set org_number = excluded.org_number, scopes = excluded.scopes,
             ungranted_scopes = excluded.ungranted_scopes, jwks = excluded.jwks, expired_kids = excluded.expired_kids,
             delegated_by = excluded.delegated_by"#,
        client.client_id,
        client.org_number,
        &client.scopes,
        &client.ungranted_scopes,
        client.jwks,
        &client.expired_kids,
        &client.delegated_by
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Removes a client; false when there was none.
pub async fn remove(pool: &PgPool, client_id: &str) -> Result<bool, DbError> {
    Ok(
        sqlx::query!("delete from sandbox_client where client_id = $1", client_id)
            .execute(pool)
            .await?
            .rows_affected()
            > 0,
    )
}

/// Folder of a client's material.
#[must_use]
pub fn material_dir(dir: &Path, client_id: &str) -> PathBuf {
    dir.join("clients").join(client_id)
}

/// Registers the clients of the universe: one per seeded system client, one of Maskinporten itself,
/// one per service owner; with `all_systems` also those that any other registered system names.
/// Clients that are there are kept as they are, unless it is the universe's own whose key file is
/// lost.
///
/// # Errors
/// A file cannot be written, or the database fails.
pub async fn seed(pool: &PgPool, dir: &Path, all_systems: bool) -> anyhow::Result<()> {
    let text = |scopes: &[&str]| scopes.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let seeded = universe::client_ids()?;
    let mut wanted: Vec<(String, String, Vec<String>)> = sqlx::query!(
        "select c.client_id, s.vendor_org_number from system_client c join system s on s.system_internal_id = c.system_internal_id
         where $1 or c.client_id = any($2) order by c.client_id",
        all_systems,
        &seeded
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(|r| (r.client_id, r.vendor_org_number, text(VENDOR_SCOPES)))
    .collect();
    wanted.push((
        "maskinporten".to_owned(),
        "991825827".to_owned(),
        text(&["altinn:maskinporten/systemuser.read"]),
    ));
    for owner in sqlx::query!("select orgcode, org_number from service_owner order by orgcode")
        .fetch_all(pool)
        .await?
    {
        wanted.push((
            format!("serviceowner-{}", owner.orgcode),
            owner.org_number,
            text(&["altinn:authorization/authorize", "altinn:serviceowner"]),
        ));
    }
    for (client_id, org_number, scopes) in wanted {
        // Ids of clients that others registered through the API are free text: no folder is made of
        // them.
        if !client_id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            continue;
        }
        let folder = material_dir(dir, &client_id);
        let has_key = folder.join("private.pem").exists();
        let own = !all_systems || seeded.contains(&client_id);
        if find(pool, &client_id)
            .await?
            .is_some_and(|c| c.org_number != org_number || has_key || !own)
        {
            continue;
        }
        let jwks = json!({"keys": [write_material(&folder, &client_id)?.public_jwk()]});
        let client = MaskinportenClient {
            client_id,
            org_number,
            scopes,
            ungranted_scopes: vec![],
            jwks,
            expired_kids: vec![],
            delegated_by: vec![],
        };
        put(pool, &client).await?;
    }
    Ok(())
}

/// How often new systems are looked for where a pooler passes no notifications on.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

/// Registers the clients of each new system as soon as the change feed contains it, or at intervals
/// where there are no sessions to be notified in. Ends only with an error.
///
/// # Errors
/// As [`seed`].
pub async fn follow_systems(
    pool: &PgPool,
    sessions: Option<&PgPool>,
    dir: &Path,
) -> anyhow::Result<()> {
    let Some(sessions) = sessions else {
        loop {
            seed(pool, dir, true).await?;
            tokio::time::sleep(LOOK_PERIOD).await;
        }
    };
    let mut feed = PgListener::connect_with(sessions).await?;
    feed.listen("change_feed").await?;
    loop {
        seed(pool, dir, true).await?;
        feed.recv().await?;
    }
}

/// The key of a client, with all the forms that client libraries read it in.
fn write_material(folder: &Path, client_id: &str) -> anyhow::Result<SigningKey> {
    fs::create_dir_all(folder)?;
    let path = folder.join("private.pem");
    let key = rsa_key(&path, "")?;
    if !folder.join("client.env").exists() {
        let jwk = key.private_jwk()?.to_string();
        write_private(&folder.join("jwk.json"), &jwk)?;
        write_private(&folder.join("jwk.b64"), &STANDARD.encode(&jwk))?;
        let pem = path.canonicalize()?.display().to_string();
        let env = format!(
            "MASKINPORTEN_CLIENT_ID={client_id}\nMASKINPORTEN_KID={}\nMASKINPORTEN_CLIENT_PEM=\"{pem}\"\n",
            key.kid()
        );
        write_private(&folder.join("client.env"), &env)?;
    }
    Ok(key)
}
