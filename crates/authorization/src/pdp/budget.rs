//! What a call may cost, and where work that takes long is done.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use foundation::{
    db::DbError,
    deadline,
    http::{ApiError, ApiResult, ModelState, context},
    limits::{LargeCallPermit, LimitRefusal},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Values of attributes that all decisions of a call have together, defaults and references counted
/// each time.
pub const MAX_ATTRIBUTES: usize = 50_000;
/// Entries that all decisions of a multi-request refer to, each time counted.
pub const MAX_REFERENCES: usize = 10_000;
/// Objects and lists in a JSON body: each takes some hundred bytes of memory, and two of the body.
const MAX_CONTAINERS: usize = 60_000;
/// Bytes of an answer, about.
pub const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Steps of evaluation that one call may take.
const MAX_STEPS: u32 = 5_000_000;
/// Steps that are taken where the call is answered. What needs more goes elsewhere: a thread that
/// answers many calls is held for about a millisecond.
pub const INLINE_STEPS: u32 = 20_000;
/// Decisions, attributes and bytes of a body beyond which a call is large.
const LARGE: (usize, usize, usize) = (100, 5_000, 64 * 1024);
/// Attributes of all large calls at a time. Fifty thousand take some thirty megabytes.
const LARGE_ATTRIBUTES: usize = 2 * MAX_ATTRIBUTES;
/// A decision takes as much memory as so many attributes.
const ATTRIBUTES_PER_DECISION: usize = 10;

/// A bound that a call is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExceededBound {
    /// [`MAX_CONTAINERS`]
    Containers,
    /// [`MAX_ATTRIBUTES`]
    Attributes,
    /// [`MAX_REFERENCES`]
    References,
    /// The setting `pdp.max_decisions_per_request`.
    Decisions,
    /// Five million steps of evaluation.
    Evaluation,
    /// [`MAX_ANSWER_BYTES`]
    Answer,
}

impl ExceededBound {
    /// Which bound, in words.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Containers => "Too many objects and lists: a body may have 60000 in all.",
            Self::Attributes => {
                "Too many attributes: the decisions of a call may have 50000 attributes in all, \
                 each counted for every decision that it belongs to."
            }
            Self::References => "Too many references: a call may have 10000 in all.",
            Self::Decisions => "Too many decisions are asked for at once.",
            Self::Evaluation => {
                "evaluation budget: the decisions of a call may take 5000000 steps in all."
            }
            Self::Answer => "The answer would be too large: it may have 8 MiB.",
        }
    }
}

impl fmt::Display for ExceededBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl From<ExceededBound> for ApiError {
    fn from(excess: ExceededBound) -> Self {
        let path = match excess {
            ExceededBound::Decisions | ExceededBound::References => "$.Request.MultiRequests",
            ExceededBound::Containers => "$",
            ExceededBound::Attributes | ExceededBound::Evaluation | ExceededBound::Answer => {
                "$.Request"
            }
        };
        ModelState::of(path, excess.message()).into()
    }
}

/// Why there are no decisions.
#[derive(Debug)]
pub enum UndecidedCause {
    /// The facts cannot be had.
    Database(DbError),
    /// The call asks for too much.
    Excess(ExceededBound),
}

impl From<DbError> for UndecidedCause {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<sqlx::Error> for UndecidedCause {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<ExceededBound> for UndecidedCause {
    fn from(excess: ExceededBound) -> Self {
        Self::Excess(excess)
    }
}

impl From<UndecidedCause> for ApiError {
    fn from(undecided: UndecidedCause) -> Self {
        match undecided {
            UndecidedCause::Database(error) => error.into(),
            UndecidedCause::Excess(excess) => excess.into(),
        }
    }
}

/// The steps that a call has left.
#[derive(Debug)]
pub struct CallBudget(AtomicU32);

impl Default for CallBudget {
    fn default() -> Self {
        Self(AtomicU32::new(MAX_STEPS))
    }
}

impl CallBudget {
    /// Steps that are left.
    pub fn left(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes steps.
    ///
    /// # Errors
    /// There are not so many left.
    pub fn take(&self, steps: u32) -> Result<(), ExceededBound> {
        let left = self.left();
        self.0.store(left.saturating_sub(steps), Ordering::Relaxed);
        if steps > left {
            Err(ExceededBound::Evaluation)
        } else {
            Ok(())
        }
    }
}

/// The steps that one decision may take.
#[derive(Debug, Clone, Copy)]
pub struct StepMeter {
    left: u32,
    taken: u32,
}

/// A decision needs more steps than it may take here.
#[derive(Debug)]
pub struct OutOfSteps;

impl StepMeter {
    /// With so many steps.
    pub const fn new(steps: u32) -> Self {
        Self {
            left: steps,
            taken: 0,
        }
    }

    /// Steps that are left.
    pub const fn left(self) -> u32 {
        self.left
    }

    /// Steps that were taken.
    pub const fn taken(self) -> u32 {
        self.taken
    }

    /// Takes steps.
    ///
    /// # Errors
    /// There are not so many left.
    pub fn take(&mut self, steps: usize) -> Result<(), OutOfSteps> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.left = self.left.checked_sub(steps).ok_or(OutOfSteps)?;
        self.taken += steps;
        Ok(())
    }
}

/// A large call that is being answered.
#[derive(Debug)]
pub struct LargeCall {
    _space: Option<OwnedSemaphorePermit>,
    _consumer: Option<LargeCallPermit>,
}

/// Bounds on how much is done at a time. Clones share them.
#[derive(Debug, Clone)]
pub struct DecisionCapacity {
    large: Arc<Semaphore>,
    evaluations: Arc<Semaphore>,
    /// Places in the queue for evaluations, by consumer: one that sends much waits for its own
    /// calls.
    of_consumers: Arc<[Semaphore]>,
}

/// An evaluation that may go on until this is dropped.
#[derive(Debug)]
struct EvaluationPermit<'r> {
    _processor: Option<SemaphorePermit<'r>>,
    _place: Option<SemaphorePermit<'r>>,
}

/// Consumers that have places of their own; others share them.
const CONSUMERS: usize = 1 << 10;

impl Default for DecisionCapacity {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            large: Arc::new(Semaphore::new(LARGE_ATTRIBUTES)),
            // One processor is left to calls that take no time.
            evaluations: Arc::new(Semaphore::new((processors - 1).max(1))),
            // One consumer alone has half of them at most.
            of_consumers: (0..CONSUMERS)
                .map(|_| Semaphore::new((processors / 2).max(1)))
                .collect(),
        }
    }
}

impl DecisionCapacity {
    /// Waits for space, when a call is large by its decisions, its attributes or the bytes of its
    /// body. It has space until the result is dropped.
    ///
    /// # Errors
    /// The consumer has too many large calls.
    pub async fn for_call(
        &self,
        decisions: usize,
        attributes: usize,
        bytes: usize,
    ) -> Result<Option<LargeCall>, LimitRefusal> {
        if decisions <= LARGE.0 && attributes <= LARGE.1 && bytes <= LARGE.2 {
            return Ok(None);
        }
        let consumer = context::admit_large()?;
        let size = if bytes > LARGE.2 {
            // What it asks for is not known before it is read.
            MAX_ATTRIBUTES
        } else {
            attributes
                .max(decisions.saturating_mul(ATTRIBUTES_PER_DECISION))
                .min(MAX_ATTRIBUTES)
        };
        let large = Arc::clone(&self.large);
        let space = Box::pin(large.acquire_many_owned(u32::try_from(size).unwrap_or(u32::MAX)));
        Ok(Some(LargeCall {
            _space: space.await.ok(),
            _consumer: consumer,
        }))
    }

    /// Does work that takes long without holding up the calls of its thread, a little at a time.
    pub async fn evaluate<T>(&self, work: impl FnOnce() -> T) -> T {
        let _turn = self.turn(context::consumer_number()).await;
        off_worker(work)
    }

    /// Waits for the consumer's place in the queue, and then in the queue.
    async fn turn(&self, consumer: Option<usize>) -> EvaluationPermit<'_> {
        let own = consumer.and_then(|number| self.of_consumers.get(number % CONSUMERS));
        let place = match own {
            Some(own) => own.acquire().await.ok(),
            None => None,
        };
        EvaluationPermit {
            _processor: self.evaluations.acquire().await.ok(),
            _place: place,
        }
    }
}

/// Counts the objects and lists of a JSON body before it is read.
///
/// # Errors
/// There are too many.
pub fn check_containers(json: &[u8]) -> Result<(), ExceededBound> {
    // A smaller body cannot have too many.
    if json.len() <= MAX_CONTAINERS {
        return Ok(());
    }
    let (mut count, mut is_text, mut is_escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            b'{' | b'[' if !is_text => count += 1,
            _ => {}
        }
    }
    if count > MAX_CONTAINERS {
        Err(ExceededBound::Containers)
    } else {
        Ok(())
    }
}

/// Does work that takes long. The other tasks of the thread go on elsewhere.
fn off_worker<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Ends work that takes longer than a call may. It is given pinned, since it is large and would be
/// moved.
///
/// # Errors
/// 503 with `Retry-After` when it did, else its own.
pub async fn in_time<T>(
    seconds: u64,
    work: Pin<&mut impl Future<Output = ApiResult<T>>>,
) -> ApiResult<T> {
    deadline::within(Duration::from_secs(seconds), work)
        .await
        .unwrap_or(Err(ApiError::Unavailable(1)))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[test]
    fn a_budget_is_used_up_once() {
        let budget = CallBudget::default();
        assert!(budget.take(MAX_STEPS - 1).is_ok());
        assert_eq!(budget.left(), 1);
        assert_eq!(budget.take(2), Err(ExceededBound::Evaluation));
        assert_eq!(budget.left(), 0);
        assert!(budget.take(0).is_ok());
    }

    #[test]
    fn objects_and_lists_are_counted_outside_of_texts() {
        let list = |items: usize| format!("[{}\"\\\"[{{\"]", "{},".repeat(items));
        assert_eq!(check_containers(list(59_999).as_bytes()), Ok(()));
        let beyond = check_containers(list(60_000).as_bytes());
        assert_eq!(beyond, Err(ExceededBound::Containers));
        let text = format!("[\"{}\"]", "[{".repeat(60_000));
        assert_eq!(check_containers(text.as_bytes()), Ok(()));
    }

    #[tokio::test]
    async fn a_consumer_waits_for_itself_and_others_do_not() {
        let capacity = DecisionCapacity {
            evaluations: Arc::new(Semaphore::new(1)),
            of_consumers: (0..CONSUMERS).map(|_| Semaphore::new(1)).collect(),
            ..DecisionCapacity::default()
        };
        let first = capacity.turn(Some(1)).await;
        let mut second = pin!(capacity.turn(Some(1)));
        let mut other = pin!(capacity.turn(Some(2)));
        // A time-out of nothing asks once.
        let now = Duration::ZERO;
        assert!(tokio::time::timeout(now, &mut second).await.is_err());
        assert!(tokio::time::timeout(now, &mut other).await.is_err());
        drop(first);
        assert!(tokio::time::timeout(now, &mut second).await.is_err());
        assert!(tokio::time::timeout(now, &mut other).await.is_ok());
    }

    #[tokio::test]
    async fn a_call_that_takes_too_long_is_to_try_again() {
        let never = pin!(std::future::pending::<ApiResult<()>>());
        let answer = in_time(0, never).await;
        assert!(matches!(answer, Err(ApiError::Unavailable(1))));
    }

    #[tokio::test]
    async fn large_calls_wait_for_each_other_and_small_ones_do_not_wait() {
        let capacity = DecisionCapacity::default();
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(capacity.for_call(0, MAX_ATTRIBUTES, 0).await.unwrap());
        }
        assert!(
            capacity
                .for_call(100, 5_000, 64 * 1024)
                .await
                .unwrap()
                .is_none()
        );
        let mut next = Box::pin(capacity.for_call(0, 0, 64 * 1024 + 1));
        // A time-out of nothing asks once.
        let now = Duration::ZERO;
        assert!(tokio::time::timeout(now, &mut next).await.is_err());
        held.pop();
        assert!(tokio::time::timeout(now, &mut next).await.is_ok());
    }
}
