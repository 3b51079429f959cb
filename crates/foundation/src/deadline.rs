//! Time limits of work.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

/// The result of work, unless it takes longer than the limit. The clock starts when the work first
/// waits for something, so that work which never waits needs none.
pub async fn within<F: Future>(limit: Duration, mut work: Pin<&mut F>) -> Option<F::Output> {
    let begun = poll_fn(|context| Poll::Ready(work.as_mut().poll(context)));
    match begun.await {
        Poll::Ready(done) => Some(done),
        Poll::Pending => tokio::time::timeout(limit, work).await.ok(),
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

    #[test]
    fn work_that_does_not_wait_needs_no_clock() {
        // There is no runtime, so a clock would panic.
        let at_once = pin!(async { 7 });
        let mut work = pin!(within(Duration::ZERO, at_once));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert_eq!(work.as_mut().poll(&mut context), Poll::Ready(Some(7)));
    }
}
