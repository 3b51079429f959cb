//! How often an address or a browser may ask, before it is known who calls.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use foundation::{
    config::{LimitSettings, Rate},
    http::context::RequestContext,
    limits::{AddressKey, Limit, LimitRefusal, RateTable, RequestClass, RetryAfter},
};
use http::{HeaderMap, Method, StatusCode, header::COOKIE};
use ipnet::IpNet;
use moka::{policy::EvictionPolicy, sync::Cache};

use super::{RequestRule, rules::ClientRate};
use crate::app::credential;

/// How long an address with too many refused credentials may ask once a second.
const PENALTY: Duration = Duration::from_secs(60);
const PENALTY_RATE: Rate = Rate {
    requests: 1,
    per_s: 1,
    burst: 1,
};
/// Longest time for which a browser is kept from looking for pages.
const MAX_BLOCK: Duration = Duration::from_secs(3_600);

/// Names of the cookie of a session.
const SESSION_COOKIES: [&str; 2] = ["__Host-sb_session", "sb_session"];

/// Whose requests for pages count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum BrowserKey {
    /// The browser that has a cookie with this hash, under a key of this process.
    Session(u64),
    /// All browsers of an address that have no session.
    Address(AddressKey),
}

/// Who sends a request, as far as that is known at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct RateClient {
    /// None for a proxy that does not say for whom it asks.
    pub address: Option<AddressKey>,
    pub browser: Option<BrowserKey>,
}

/// Rates by address and by browser.
#[derive(Debug)]
pub(super) struct AddressRates {
    trusted_proxies: Arc<[IpNet]>,
    logins: RateTable<AddressKey>,
    anonymous: RateTable<AddressKey>,
    failed_credentials: RateTable<AddressKey>,
    /// Addresses with too many refused credentials, and how often they may ask.
    penalized: Cache<AddressKey, ()>,
    penalty: RateTable<AddressKey>,
    page_reads: RateTable<BrowserKey>,
    page_writes: RateTable<BrowserKey>,
    page_misses: RateTable<BrowserKey>,
    /// Until when a browser that found too few pages is refused.
    blocked: Cache<BrowserKey, Instant>,
    hasher: RandomState,
}

impl AddressRates {
    pub(super) fn new(limits: &LimitSettings, trusted_proxies: Arc<[IpNet]>) -> Self {
        let rates = &limits.rates;
        let most = limits.max_rate_keys;
        Self {
            trusted_proxies,
            logins: RateTable::new(rates.logins, most),
            anonymous: RateTable::new(rates.anonymous, most),
            failed_credentials: RateTable::new(rates.failed_credentials, most),
            penalized: remembered(most, PENALTY),
            penalty: RateTable::new(PENALTY_RATE, most),
            page_reads: RateTable::new(rates.page_reads, most),
            page_writes: RateTable::new(rates.page_writes, most),
            page_misses: RateTable::new(rates.page_misses, most),
            blocked: remembered(most, MAX_BLOCK),
            hasher: RandomState::new(),
        }
    }

    /// Who sends a request. A proxy that names a client which cannot be read is one client itself.
    pub(super) fn client(
        &self,
        rule: RequestRule,
        address: Option<IpAddr>,
        is_client_unreadable: bool,
        headers: &HeaderMap,
    ) -> RateClient {
        let is_proxy = |address: &IpAddr| {
            self.trusted_proxies
                .iter()
                .any(|network| network.contains(&address.to_canonical()))
        };
        let address = address
            .filter(|address| is_client_unreadable || !is_proxy(address))
            .map(AddressKey::from);
        let is_page = rule.by_client == Some(ClientRate::Page);
        let browser = is_page
            .then(|| {
                session_cookie(headers)
                    .map(|cookie| BrowserKey::Session(self.hasher.hash_one(cookie)))
                    .or(address.map(BrowserKey::Address))
            })
            .flatten();
        RateClient { address, browser }
    }

    /// Whether a client may ask now.
    pub(super) fn admit(
        &self,
        rule: RequestRule,
        client: RateClient,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<(), LimitRefusal> {
        if let Some(address) = client.address {
            if credential::is_given(headers) && self.penalized.contains_key(&address) {
                take(&self.penalty, &address, Limit::FailedCredentials)?;
            }
            match (rule.by_client, client.browser) {
                (Some(ClientRate::Login), _) => take(&self.logins, &address, Limit::Logins)?,
                (Some(ClientRate::Anonymous), _)
                | (Some(ClientRate::Page), Some(BrowserKey::Address(_))) => {
                    take(&self.anonymous, &address, Limit::Anonymous)?;
                }
                (Some(ClientRate::Page), Some(BrowserKey::Session(_)) | None) | (None, _) => {}
            }
        }
        let Some(browser) = client.browser else {
            return Ok(());
        };
        self.must_not_be_blocked(browser)?;
        if method.is_safe() {
            take(&self.page_reads, &browser, Limit::PageReads)
        } else {
            take(&self.page_writes, &browser, Limit::PageWrites)
        }
    }

    fn must_not_be_blocked(&self, browser: BrowserKey) -> Result<(), LimitRefusal> {
        let left = self
            .blocked
            .get(&browser)
            .and_then(|until| until.checked_duration_since(Instant::now()));
        match left {
            Some(left) if !left.is_zero() => Err(LimitRefusal::TooOften {
                limit: Limit::PageMisses,
                retry_after: RetryAfter::of(left).0,
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// What an answer says about its client: that it guesses credentials or pages, or that it has
    /// no session although it has a cookie.
    pub(super) fn judge(
        &self,
        rule: RequestRule,
        client: RateClient,
        status: StatusCode,
        context: &RequestContext,
    ) -> Result<(), LimitRefusal> {
        if let Some(address) = client.address {
            if status == StatusCode::UNAUTHORIZED
                && take(&self.failed_credentials, &address, Limit::FailedCredentials).is_err()
            {
                self.penalized.insert(address, ());
                return Err(LimitRefusal::TooOften {
                    limit: Limit::FailedCredentials,
                    retry_after: 1,
                });
            }
            let has_no_session = context.person.get().is_none();
            if matches!(client.browser, Some(BrowserKey::Session(_))) && has_no_session {
                take(&self.anonymous, &address, Limit::Anonymous)?;
            }
        }
        let is_miss = matches!(status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN);
        if let Some(browser) = client.browser
            && rule.class == RequestClass::Page
            && is_miss
        {
            return self
                .page_misses
                .take(&browser)
                .map_err(|RetryAfter(retry_after)| {
                    let until = Instant::now() + Duration::from_secs(retry_after.into());
                    self.blocked.insert(browser, until);
                    LimitRefusal::TooOften {
                        limit: Limit::PageMisses,
                        retry_after,
                    }
                });
        }
        Ok(())
    }
}

fn remembered<K, V>(most: u64, time: Duration) -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(most)
        .eviction_policy(EvictionPolicy::lru())
        .time_to_live(time)
        .build()
}

fn take<K: std::hash::Hash + Eq + Clone + Send + Sync + 'static>(
    table: &RateTable<K>,
    key: &K,
    limit: Limit,
) -> Result<(), LimitRefusal> {
    table
        .take(key)
        .map_err(|RetryAfter(retry_after)| LimitRefusal::TooOften { limit, retry_after })
}

/// The value of the session's cookie, when there is one.
fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| SESSION_COOKIES.contains(name))
        .map(|(_, value)| value)
}
