//! Counters and histograms that each thread counts in a part of its own.
//!
//! A number that every request changes is otherwise passed from processor to processor with every
//! request. What the parts hold is put into the recorder below when it is asked for.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// Parts of a metric. Threads beyond so many share them.
const PARTS: usize = 8;

/// A part on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct CacheAligned<T>(T);

/// The number of the part that the current thread counts in.
fn own_part() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PART: usize = NEXT.fetch_add(1, Ordering::Relaxed) % PARTS;
    }
    PART.with(|part| *part)
}

/// A recorder whose metrics of some names count by thread.
#[derive(Debug)]
pub struct PerThreadRecorder<R> {
    inner: R,
    metrics: Arc<PerThreadMetrics>,
}

/// Puts what the threads counted into the recorder.
#[derive(Debug)]
pub struct PerThreadMetrics {
    /// Names of histograms, with the upper bounds of their buckets.
    histograms: Vec<(&'static str, &'static [f64])>,
    /// Names of counters.
    counters: Vec<&'static str>,
    all: Mutex<RegisteredMetrics>,
}

#[derive(Debug, Default)]
struct RegisteredMetrics {
    counters: HashMap<Key, Arc<ThreadCounter>>,
    histograms: HashMap<Key, Arc<ThreadHistogram>>,
}

impl<R: Recorder> PerThreadRecorder<R> {
    /// Counts by thread in front of a recorder: the metrics of these names.
    pub fn new(
        inner: R,
        histograms: Vec<(&'static str, &'static [f64])>,
        counters: Vec<&'static str>,
    ) -> (Self, Arc<PerThreadMetrics>) {
        let metrics = Arc::new(PerThreadMetrics {
            histograms,
            counters,
            all: Mutex::default(),
        });
        let recorder = Self {
            inner,
            metrics: Arc::clone(&metrics),
        };
        (recorder, metrics)
    }
}

impl PerThreadMetrics {
    /// Puts what was counted since the last time into the recorder.
    pub fn collect(&self) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.counters.values().for_each(|counter| counter.collect());
        all.histograms
            .values()
            .for_each(|histogram| histogram.collect());
    }
}

impl<R: Recorder> Recorder for PerThreadRecorder<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        if !self.metrics.counters.contains(&key.name()) {
            return self.inner.register_counter(key, metadata);
        }
        let mut all = self
            .metrics
            .all
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let made = || ThreadCounter::new(self.inner.register_counter(key, metadata));
        Counter::from_arc(get_or_insert(&mut all.counters, key, made))
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.inner.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        let metrics = &self.metrics;
        let Some((_, bounds)) = metrics.histograms.iter().find(|(n, _)| *n == key.name()) else {
            return self.inner.register_histogram(key, metadata);
        };
        let mut all = metrics.all.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || ThreadHistogram::new(self.inner.register_histogram(key, metadata), bounds);
        Histogram::from_arc(get_or_insert(&mut all.histograms, key, made))
    }
}

fn get_or_insert<K: Clone + Eq + Hash, T>(
    all: &mut HashMap<K, Arc<T>>,
    key: &K,
    made: impl FnOnce() -> T,
) -> Arc<T> {
    let entry = all.entry(key.clone());
    Arc::clone(entry.or_insert_with(|| Arc::new(made())))
}

#[derive(Debug)]
struct ThreadCounter {
    parts: [CacheAligned<AtomicU64>; PARTS],
    total: Counter,
}

impl ThreadCounter {
    fn new(total: Counter) -> Self {
        Self {
            parts: Default::default(),
            total,
        }
    }

    fn collect(&self) {
        for part in &self.parts {
            self.total.increment(part.0.swap(0, Ordering::Relaxed));
        }
    }
}

impl CounterFn for ThreadCounter {
    fn increment(&self, value: u64) {
        if let Some(part) = self.parts.get(own_part()) {
            part.0.fetch_add(value, Ordering::Relaxed);
        }
    }

    fn absolute(&self, value: u64) {
        self.total.absolute(value);
    }
}

/// What one thread put into a bucket.
#[derive(Debug, Clone, Copy, Default)]
struct ThreadBucket {
    count: usize,
    sum: f64,
}

#[derive(Debug)]
struct ThreadHistogram {
    bounds: &'static [f64],
    /// A bucket for each bound, and one for what is beyond the last.
    parts: [CacheAligned<Mutex<Box<[ThreadBucket]>>>; PARTS],
    total: Histogram,
}

impl ThreadHistogram {
    fn new(total: Histogram, bounds: &'static [f64]) -> Self {
        let buckets = || vec![ThreadBucket::default(); bounds.len() + 1].into_boxed_slice();
        Self {
            bounds,
            parts: std::array::from_fn(|_| CacheAligned(Mutex::new(buckets()))),
            total,
        }
    }

    fn collect(&self) {
        for part in &self.parts {
            let mut buckets = part.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (place, bucket) in buckets.iter_mut().enumerate() {
                let ThreadBucket { count, sum } = std::mem::take(bucket);
                if count == 0 {
                    continue;
                }
                // Their mean is in the same bucket, so that neither counts nor the sum change.
                let mean = sum / count as f64;
                let bound = self.bounds.get(place).copied();
                self.total
                    .record_many(bound.map_or(mean, |bound| mean.min(bound)), count);
            }
        }
    }
}

impl HistogramFn for ThreadHistogram {
    fn record(&self, value: f64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(part) = self.parts.get(own_part()) {
            let mut buckets = part.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(bucket) = buckets.get_mut(place) {
                bucket.count += 1;
                bucket.sum += value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: [f64; 2] = [0.1, 1.0];

    /// Remembers what is put into it.
    #[derive(Debug, Default)]
    struct Sums(Mutex<Vec<(f64, usize)>>);

    impl HistogramFn for Sums {
        fn record(&self, value: f64) {
            self.record_many(value, 1);
        }

        fn record_many(&self, value: f64, count: usize) {
            self.0.lock().unwrap().push((value, count));
        }
    }

    #[test]
    fn every_value_is_collected_once_in_its_bucket() {
        let sums = Arc::new(Sums::default());
        let histogram = ThreadHistogram::new(Histogram::from_arc(Arc::clone(&sums)), &BOUNDS);
        for value in [0.0, 0.1, 0.5, 0.75, 3.0] {
            histogram.record(value);
        }
        histogram.collect();
        histogram.collect();
        let collected = sums.0.lock().unwrap().clone();
        assert_eq!(collected, [(0.05, 2), (0.625, 2), (3.0, 1)]);
    }

    #[test]
    fn the_counts_of_all_threads_add_up() {
        let total = Arc::new(AtomicU64::new(0));
        let counter = ThreadCounter::new(Counter::from_arc(Arc::clone(&total)));
        std::thread::scope(|scope| {
            for _ in 0..2 * PARTS {
                scope.spawn(|| (0..100).for_each(|_| counter.increment(1)));
            }
        });
        counter.collect();
        counter.collect();
        assert_eq!(total.load(Ordering::Relaxed), 200 * PARTS as u64);
    }
}
