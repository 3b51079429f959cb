//! Events: a vendor follows what happens, in order, and misses nothing.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use testkit::prelude::*;

/// How long a test waits for a condition.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
const EVENTS: &str = "/systembruker/api/v1/events";

/// A vendor that follows its events.
struct Follower<'a> {
    world: &'a World,
    vendor: VendorCaller<'a>,
    next: String,
}

impl<'a> Follower<'a> {
    /// From the first event on.
    fn of(world: &'a World, vendor: VendorCaller<'a>) -> Self {
        Self {
            world,
            vendor,
            next: EVENTS.to_owned(),
        }
    }

    async fn page(&mut self) -> Vec<Value> {
        let page = self.vendor.get(&self.next).await.assert_status(200).json();
        let next = page["links"]["next"].as_str().unwrap();
        self.next = self.world.app.path_of(next);
        page["data"].as_array().unwrap().clone()
    }

    /// Follows to the last event; there are so many. An event is listed once it is visible to every
    /// transaction.
    async fn events(&mut self, count: usize) -> Vec<Value> {
        let (since, mut events) = (Instant::now(), Vec::new());
        loop {
            let page = self.page().await;
            if page.is_empty() && (events.len() >= count || since.elapsed() > WAIT_TIMEOUT) {
                break;
            }
            events.extend(page);
        }
        assert_eq!(events.len(), count, "{events:?}");
        events
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .map(|kind| kind.strip_prefix("no.systembruker.").unwrap())
        .collect()
}

async fn kinds_of_all(follower: &mut Follower<'_>) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page = follower.page().await;
        if page.is_empty() {
            return all;
        }
        all.extend(kinds(&page).into_iter().map(str::to_owned));
    }
}

/// A system user of Keramikk that was asked for, approved and deleted.
async fn short_life(world: &World) -> SystemUser {
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    let oddny = world.oddny();
    oddny.approves(&request).await.assert_status(200);
    let user = request.system_user();
    oddny.deletes(&user).await.assert_status(202);
    user
}

#[tokio::test]
async fn a_vendor_follows_its_requests_and_system_users() {
    let world = World::start().await;
    let mut follower = Follower::of(&world, world.fjordlonn());
    follower.page().await;

    short_life(&world).await;

    let events = follower.events(4).await;
    assert_eq!(
        kinds(&events),
        [
            "request.created",
            "request.accepted",
            "systemuser.created",
            "systemuser.deleted"
        ]
    );
}

#[tokio::test]
async fn an_event_is_a_cloud_event() {
    let world = World::start().await;
    let mut follower = Follower::of(&world, world.fjordlonn());
    follower.page().await;
    let user = short_life(&world).await;

    let mut event = follower.events(4).await[2].clone();

    assert_eq!(event["subject"].take(), json!(user.id));
    assert_eq!(event["data"]["systemUserId"].take(), json!(user.id));
    for member in ["id", "time"] {
        assert!(!event[member].take().is_null(), "{member}");
    }
    insta::assert_snapshot!(world.app.without_base(&event), @r#"{"specversion":"1.0","id":null,"source":"BASE/systembruker/api/v1/events","type":"no.systembruker.systemuser.created","subject":null,"time":null,"datacontenttype":"application/json","data":{"systemId":"390198116_fjordlonn","externalRef":"390381492","systemUserId":null,"partyOrgNo":"390381492"}}"#);
}

#[tokio::test]
async fn the_last_link_stays_good_for_what_comes_later() {
    let world = World::start().await;
    let mut follower = Follower::of(&world, world.fjordlonn());
    follower.page().await;
    short_life(&world).await;
    follower.events(4).await;
    assert_eq!(follower.page().await, Vec::<Value>::new());

    let request = world.fjordlonn().requests(KERAMIKK, [LONN]).await;
    world.oddny().rejects(&request).await.assert_status(200);

    let events = follower.events(2).await;
    assert_eq!(kinds(&events), ["request.created", "request.rejected"]);
    assert!(events.iter().all(|event| event["subject"] == request.id));
}

#[tokio::test]
async fn a_transaction_that_stays_open_holds_no_event_back() {
    let world = World::start().await;
    let mut follower = Follower::of(&world, world.fjordlonn());
    follower.page().await;
    let open = world.app.begin_change_of_schema().await;
    short_life(&world).await;
    follower.events(4).await;
    open.commit().await;
}

#[tokio::test]
async fn a_place_that_an_earlier_version_gave_is_understood() {
    let world = World::start().await;
    let mut follower = Follower::of(&world, world.fjordlonn());
    short_life(&world).await;
    let all = kinds_of_all(&mut follower).await;
    let second = world
        .app
        .earlier_place_of_second_event(FJORDLONN.number)
        .await;
    follower.next = format!(
        "{EVENTS}?after={}",
        foundation::crypto::base64url(second.as_bytes())
    );
    assert_eq!(kinds_of_all(&mut follower).await, all[2..]);
}

#[tokio::test]
async fn a_place_of_a_lost_history_skips_no_later_event() {
    let world = World::start().await;
    let mut follower = Follower::of(&world, world.fjordlonn());
    short_life(&world).await;
    follower.events(4).await;
    world.app.lose_two_events().await;
    // Nothing is there yet, and the place stays good.
    follower.events(0).await;
    let request = world.fjordlonn().requests(KERAMIKK, [LONN]).await;
    world.oddny().rejects(&request).await.assert_status(200);
    let another = world.fjordlonn().requests(HAVBLIKK, [LONN]).await;
    let events = follower.events(3).await;
    assert_eq!(
        kinds(&events),
        ["request.created", "request.rejected", "request.created"]
    );
    assert_eq!(events[2]["subject"], another.id);
}

#[tokio::test]
async fn a_vendor_does_not_follow_another_vendor() {
    let world = World::start().await;
    let user = short_life(&world).await;
    let mut own = Follower::of(&world, world.fjordlonn());
    own.events(4).await;

    let others = world.skyregnskap().get(EVENTS).await.assert_status(200);

    assert!(!others.text.contains(&*user.id), "{}", others.text);
    assert!(!others.text.contains(FJORDLONN.number), "{}", others.text);
}

#[tokio::test]
async fn events_are_read_with_the_scope_for_reading() {
    let world = World::start().await;
    world
        .fjordlonn()
        .with_scopes(REQUEST_WRITE)
        .get(EVENTS)
        .await
        .assert_forbidden();
    world.anonymous().get(EVENTS).await.assert_unauthorized();
}

#[tokio::test]
async fn a_place_in_the_events_is_one_that_was_given_out() {
    let world = World::start().await;
    world
        .fjordlonn()
        .get(&format!("{EVENTS}?after=x"))
        .await
        .assert_error_keys(["after"]);
}

#[tokio::test]
async fn no_event_is_lost_or_doubled_during_writes() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let write = async |n: usize| {
        let body = request_for(FJORDLONN_SYSTEM, NATTERGAL, [LONN]);
        let body = with(body, "externalRef", json!(format!("ref {n}")));
        vendor.requests_as(NATTERGAL, body).await.id
    };
    let mut follower = Follower::of(&world, world.fjordlonn());

    let held = world.app.hold_writes("request").await;

    let (ids, mut events) = futures::join!(held.race((0..6).map(write)), follower.events(6));

    let has_all = |events: &[Value]| {
        ids.iter()
            .all(|id| events.iter().any(|event| event["subject"] == *id))
    };
    while !has_all(&events) {
        events.extend(follower.events(1).await);
    }
    let distinct: BTreeSet<&str> = events.iter().map(|e| e["id"].as_str().unwrap()).collect();
    assert_eq!(distinct.len(), events.len());
}

#[tokio::test]
async fn a_vendor_hears_once_that_a_request_timed_out() {
    let world = World::start().await;
    let old = world.fjordlonn().requests(KERAMIKK, [LONN]).await;
    world.app.advance(days(181)).await;
    let young = world.fjordlonn().requests(HAVBLIKK, [LONN]).await;

    world.app.publish_time_outs().await;
    world.app.publish_time_outs().await;

    let timed_out: Vec<Value> = Follower::of(&world, world.fjordlonn())
        .events(4)
        .await
        .into_iter()
        .filter(|event| event["type"] == "no.systembruker.request.timedout")
        .collect();
    let of = |id: &str| timed_out.iter().filter(|e| e["subject"] == id).count();
    assert_eq!((of(&old.id), of(&young.id)), (1, 0), "{timed_out:?}");
    let event = timed_out.iter().find(|e| e["subject"] == old.id).unwrap();
    assert_eq!(event["data"]["partyOrgNo"], KERAMIKK.number);
}
