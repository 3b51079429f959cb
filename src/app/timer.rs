//! The timer of one connection.
//!
//! hyper asks for a new sleep with every request, to bound how long its head may take. Nearly all
//! of them are dropped before they end; so they share one timer of the runtime, which is moved only
//! when it fires.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};

type Shared = Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>;

/// Makes sleeps, of which one at a time takes the timer that the one before it left.
#[derive(Debug, Clone, Default)]
pub struct ConnectionTimer(Shared);

impl Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // One that fires later than wanted is of no use.
        let usable = left.filter(|timer| timer.deadline().into_std() <= deadline);
        let timer = usable.unwrap_or_else(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        Box::pin(Until {
            deadline,
            timer: Some(timer),
            shared: Arc::clone(&self.0),
        })
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, new_deadline: Instant) {
        *sleep = self.sleep_until(new_deadline);
    }
}

/// A sleep until a moment, on a timer that may fire before it.
#[derive(Debug)]
struct Until {
    deadline: Instant,
    /// There until this is dropped.
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
    shared: Shared,
}

impl Sleep for Until {}

impl Future for Until {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let Some(timer) = &mut self.timer else {
            return Poll::Ready(());
        };
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline().into_std() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline.into());
        }
    }
}

impl Drop for Until {
    fn drop(&mut self) {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = self.timer.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends, and not too early.
    async fn ends(mut sleep: Pin<Box<dyn Sleep>>, deadline: Instant) {
        std::future::poll_fn(|context| sleep.as_mut().poll(context)).await;
        assert!(Instant::now() >= deadline);
    }

    #[tokio::test]
    async fn a_sleep_ends_when_it_should_on_whatever_timer() {
        let (timer, now) = (ConnectionTimer::default(), Instant::now());
        let after = |milliseconds| now + Duration::from_millis(milliseconds);
        let is_left = || timer.0.lock().unwrap().is_some();
        drop(timer.sleep_until(after(5)));
        assert!(is_left());
        // Takes what is left, which fires before.
        ends(timer.sleep_until(after(20)), after(20)).await;
        assert!(is_left());
        let (mut first, second) = (timer.sleep_until(after(40)), timer.sleep_until(after(30)));
        assert!(!is_left());
        ends(second, after(30)).await;
        timer.reset(&mut first, now);
        timer.reset(&mut first, after(50));
        ends(first, after(50)).await;
        // One that would fire too late is not taken.
        drop(timer.sleep(Duration::from_secs(3600)));
        ends(timer.sleep_until(after(60)), after(60)).await;
    }
}
