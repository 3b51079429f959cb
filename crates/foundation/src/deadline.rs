//! Time limits of work.

use std::{
    future::poll_fn,
    pin::Pin,
    task::Poll,
    time::{Duration, Instant},
};

/// The result of work, unless it takes longer than the limit. The clock starts when the work first
/// waits for something, so that work which never waits needs none.
pub async fn within<F: Future>(limit: Duration, mut work: Pin<&mut F>) -> Option<F::Output> {
    let begun = poll_fn(|context| Poll::Ready(work.as_mut().poll(context)));
    match begun.await {
        Poll::Ready(done) => Some(done),
        Poll::Pending => tokio::time::timeout(limit, work).await.ok(),
    }
}

/// As [`within`], where what the work waits for may put the limit off: `begins_anew` is asked when the time
/// is over, and says since when it counts then; none when it is over indeed.
pub async fn within_since<F: Future>(
    limit: Duration,
    mut work: Pin<&mut F>,
    begins_anew: impl Fn() -> Option<Instant>,
) -> Option<F::Output> {
    let begun = poll_fn(|context| Poll::Ready(work.as_mut().poll(context)));
    if let Poll::Ready(done) = begun.await {
        return Some(done);
    }
    let mut deadline = Instant::now() + limit;
    loop {
        if let Ok(done) = tokio::time::timeout_at(deadline.into(), work.as_mut()).await {
            return Some(done);
        }
        deadline = begins_anew()? + limit;
        if deadline <= Instant::now() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin};

    use super::*;

    #[tokio::test]
    async fn work_that_waits_too_long_is_given_up() {
        let limit = Duration::from_millis(1);
        assert_eq!(within(limit, pin!(pending::<()>())).await, None);
        let waits = pin!(tokio::task::yield_now());
        assert_eq!(within(Duration::from_secs(60), waits).await, Some(()));
    }

    #[tokio::test]
    async fn a_limit_that_begins_anew_is_put_off_until_it_does_not() {
        let asked = std::cell::Cell::new(0);
        let begins_anew = || {
            asked.set(asked.get() + 1);
            (asked.get() < 3).then(Instant::now)
        };
        let limit = Duration::from_millis(1);
        assert_eq!(
            within_since(limit, pin!(pending::<()>()), begins_anew).await,
            None
        );
        assert_eq!(asked.get(), 3);
    }

    #[test]
    fn work_that_does_not_wait_needs_no_clock() {
        // There is no runtime, so a clock would panic.
        let at_once = pin!(async { 7 });
        let mut work = pin!(within(Duration::ZERO, at_once));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert_eq!(work.as_mut().poll(&mut context), Poll::Ready(Some(7)));
    }
}
