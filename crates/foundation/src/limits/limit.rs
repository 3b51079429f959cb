//! The limits by name.

use crate::telemetry::metrics::REQUESTS_REFUSED;

macro_rules! limits {
    ($($variant:ident = $word:literal, $about:literal;)*) => {
        /// A limit that a request or a connection may exceed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Limit {
            $(#[doc = concat!("`", $word, "`: ", $about)] $variant,)*
        }

        impl Limit {
            /// Every limit.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The text in metrics and in the log.
            #[must_use]
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

limits! {
    Connections = "connections", "open connections in all.";
    AddressConnections = "address_connections", "open connections of one address.";
    Http2Frames = "http2_frames", "frames of an HTTP/2 connection that ask for nothing.";
    Target = "target", "bytes of path and query.";
    Headers = "headers", "bytes or number of headers.";
    ContentEncoding = "content_encoding", "only bodies as they are.";
    BodySize = "body_size", "bytes of a body.";
    BodyTime = "body_time", "time for a body.";
    AwaitedBodies = "awaited_bodies", "bodies whose clients are awaited, in number or bytes.";
    BodiesInFlight = "bodies_in_flight", "bytes of the bodies of requests being answered.";
    UntakenAnswers = "untaken_answers", "bytes of answers that their clients do not take.";
    UnfinishedHeads = "unfinished_heads", "bytes of heads of requests of which the rest does not come.";
    RequestTime = "request_time", "time until the head of the answer.";
    InFlight = "in_flight", "requests being answered, other than for decisions.";
    DecisionsInFlight = "decisions_in_flight", "requests for decisions being answered.";
    WritesInFlight = "writes_in_flight", "requests being answered that change something.";
    ConsumerInFlight = "consumer_in_flight", "requests of one consumer being answered.";
    ConsumerLargeCalls = "consumer_large_calls", "large calls for decisions of one consumer being answered.";
    VendorWrites = "vendor_writes", "rate of changes by one vendor, of clients of agents and of the resource registry by one consumer.";
    VendorReads = "vendor_reads", "rate of reads by one vendor.";
    Decisions = "decisions", "rate of decisions for one consumer.";
    ExternalIdLookups = "external_id_lookups", "rate of look-ups by external id by one consumer.";
    Exchange = "exchange", "rate of exchanged tokens of one consumer.";
    OpenRequests = "open_requests", "open requests of one vendor to one customer.";
    OpenRequestsOfVendor = "open_requests_of_vendor", "open requests of one vendor to all customers.";
    Logins = "logins", "rate of logins begun and ended from one address.";
    Anonymous = "anonymous", "rate of requests to endpoints without credentials from one address.";
    FailedCredentials = "failed_credentials", "rate of refused credentials from one address.";
    PageReads = "page_reads", "rate of pages read in one session.";
    PageWrites = "page_writes", "rate of forms sent in one session.";
    PageMisses = "page_misses", "rate of pages in one session that are not there or not for it.";
}

impl Limit {
    /// Counts one request or connection that was refused.
    pub fn count(self) {
        metrics::counter!(REQUESTS_REFUSED.name, "limit" => self.wire()).increment(1);
    }
}

/// A request that exceeds a limit for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitRefusal {
    /// The caller asks too often: 429.
    TooOften {
        /// What it exceeds.
        limit: Limit,
        /// Whole seconds, at least one, after which it may ask again.
        retry_after: u32,
    },
    /// Too much is being answered: 503.
    Busy(Limit),
}

impl LimitRefusal {
    /// The limit.
    #[must_use]
    pub const fn limit(self) -> Limit {
        match self {
            Self::TooOften { limit, .. } | Self::Busy(limit) => limit,
        }
    }
}
