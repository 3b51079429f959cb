//! Requests that are answered at the same time as something else happens to them or to their system. The
//! calls wait for one lock, and meet when it is let go.

use testkit::prelude::*;

/// A request of Fjordlønn to Keramikk.
async fn asked(world: &World) -> RequestHandle<'_> {
    world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await
}

/// System users that the request has made.
async fn made(world: &World, request: &RequestHandle<'_>) -> i64 {
    world.app.stored_users(&request.system_user()).await
}

#[tokio::test]
async fn five_approvals_at_once_make_one_system_user() {
    let world = World::start().await;
    let request = asked(&world).await;
    let oddny = world.oddny();
    let held = world.app.hold_request(&request).await;

    let answers = held.race((0..5).map(|_| oddny.approves(&request))).await;

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 4));
    for answer in lost {
        answer.assert_problem(409, "AUTH-00013");
    }
    assert_eq!(made(&world, &request).await, 1);
}

#[tokio::test]
async fn a_request_is_not_rejected_while_it_is_approved() {
    let world = World::start().await;
    let request = asked(&world).await;
    let oddny = world.oddny();
    let held = world.app.hold_request(&request).await;

    let (approved, rejected) = held
        .in_turn(oddny.approves(&request), oddny.rejects(&request))
        .await;

    approved.assert_status(200);
    rejected.assert_problem(409, "AUTH-00013");
    request.assert_status(Accepted).await;
    assert_eq!(made(&world, &request).await, 1);
}

#[tokio::test]
async fn a_request_is_not_approved_while_it_is_rejected() {
    let world = World::start().await;
    let request = asked(&world).await;
    let oddny = world.oddny();
    let held = world.app.hold_request(&request).await;

    let (rejected, approved) = held
        .in_turn(oddny.rejects(&request), oddny.approves(&request))
        .await;

    rejected.assert_status(200);
    approved.assert_problem(409, "AUTH-00013");
    request.assert_status(Rejected).await;
    assert_eq!(made(&world, &request).await, 0);
}

#[tokio::test]
async fn a_system_user_that_is_made_while_its_system_is_deleted_may_do_nothing() {
    let world = World::start().await;
    let request = asked(&world).await;
    let (oddny, vendor) = (world.oddny(), world.fjordlonn());
    let held = world.app.hold_system(FJORDLONN_SYSTEM.id).await;

    let (approved, deleted) = held
        .in_turn(
            oddny.approves(&request),
            vendor.deletes_system(FJORDLONN_SYSTEM.id),
        )
        .await;

    approved.assert_status(200);
    deleted.assert_status(200);
    request.assert_status(Accepted).await;
    let user = request.system_user();
    assert_eq!(made(&world, &request).await, 1);
    let sav = world.sav();
    let decision = sav.decides(&user, "write", A_MELDING, KERAMIKK).await;
    assert_eq!(decision, NotApplicable);
}

#[tokio::test]
async fn a_request_is_not_approved_while_its_system_is_deleted() {
    let world = World::start().await;
    let request = asked(&world).await;
    let (oddny, vendor) = (world.oddny(), world.fjordlonn());
    let held = world.app.hold_system(FJORDLONN_SYSTEM.id).await;

    let (deleted, approved) = held
        .in_turn(
            vendor.deletes_system(FJORDLONN_SYSTEM.id),
            oddny.approves(&request),
        )
        .await;

    deleted.assert_status(200);
    approved.assert_problem(404, "AUTH-00011");
    request.assert_status(New).await;
    assert_eq!(made(&world, &request).await, 0);
}

#[tokio::test]
async fn a_request_is_approved_before_its_system_offers_less() {
    let world = World::start().await;
    let request = asked(&world).await;
    let (oddny, vendor) = (world.oddny(), world.fjordlonn());
    let held = world.app.hold_system(FJORDLONN_SYSTEM.id).await;

    let (approved, ()) = held
        .in_turn(
            oddny.approves(&request),
            vendor.offers(FJORDLONN_SYSTEM, [LONN]),
        )
        .await;

    approved.assert_status(200);
    request.assert_status(Accepted).await;
    assert_eq!(made(&world, &request).await, 1);
}

#[tokio::test]
async fn a_request_is_not_approved_while_its_system_stops_to_offer_what_it_asks_for() {
    let world = World::start().await;
    let request = asked(&world).await;
    let (oddny, vendor) = (world.oddny(), world.fjordlonn());
    let held = world.app.hold_system(FJORDLONN_SYSTEM.id).await;

    let ((), approved) = held
        .in_turn(
            vendor.offers(FJORDLONN_SYSTEM, [LONN]),
            oddny.approves(&request),
        )
        .await;

    approved.assert_problem(400, "AUTH-00063");
    request.assert_status(New).await;
    assert_eq!(made(&world, &request).await, 0);
}
