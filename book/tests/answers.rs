//! The programs of the book that are in no crate: answers to exercises, tests for them, and short examples. Each chapter
//! has a module. The chapters print the regions between the anchors, so what they print compiles and does what they say.

#![forbid(unsafe_code)]

/// One lock: the function under the lock, so that `F: Send` is enough.
mod one_lock {
    use std::collections::HashMap;
    use std::hash::Hash;

    use parking_lot::Mutex;

    // ANCHOR: send_is_enough
    struct Memo<K, V, F> {
        inner: Mutex<(F, HashMap<K, V>)>,
    }
    // ANCHOR_END: send_is_enough

    impl<K: Hash + Eq + Clone, V: Clone, F: Fn(&K) -> V> Memo<K, V, F> {
        fn new(f: F) -> Self {
            Memo { inner: Mutex::new((f, HashMap::new())) }
        }

        fn get(&self, key: &K) -> V {
            let (f, map) = &mut *self.inner.lock();
            if let Some(value) = map.get(key) {
                return value.clone();
            }
            let value = f(key);
            map.insert(key.clone(), value.clone());
            value
        }
    }

    // ANCHOR: f_need_not_be_sync
    fn shareable<T: Sync>(_: &T) {}

    #[test]
    fn f_need_not_be_sync() {
        let calls = std::cell::Cell::new(0);
        let memo = Memo::new(move |key: &u64| {
            calls.set(calls.get() + 1);
            *key
        });
        shareable(&memo);
        assert_eq!(memo.get(&1), 1);
    }
    // ANCHOR_END: f_need_not_be_sync
}

/// Duplicate work: the first value that is stored is everyone's.
mod duplicate_work {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::thread;

    const CALLERS: usize = 8;

    /// Stands for the crate, whose `duplicating` the reader has changed.
    mod memo2 {
        pub(super) mod duplicating {
            use std::collections::HashMap;
            use std::hash::Hash;

            use parking_lot::Mutex;

            pub(crate) struct Memo<K, V, F> {
                f: F,
                map: Mutex<HashMap<K, V>>,
            }

            impl<K: Hash + Eq + Clone, V: Clone, F: Fn(&K) -> V> Memo<K, V, F> {
                pub(crate) fn new(f: F) -> Self {
                    Memo { f, map: Mutex::default() }
                }

                pub(crate) fn get(&self, key: &K) -> V {
                    let hit = self.map.lock().get(key).cloned();
                    hit.unwrap_or_else(|| {
                        let value = (self.f)(key);
                        // ANCHOR: first_value_stays
                        self.map.lock().entry(key.clone()).or_insert(value).clone()
                        // ANCHOR_END: first_value_stays
                    })
                }
            }
        }
    }

    fn herd<T: Send>(ask: impl Fn(usize) -> T + Sync) -> [T; CALLERS] {
        let ask = &ask;
        thread::scope(|scope| {
            let callers: [_; CALLERS] = std::array::from_fn(|caller| scope.spawn(move || ask(caller)));
            callers.map(|caller| caller.join().expect("no caller panics"))
        })
    }

    // ANCHOR: duplicating_agrees
    #[test]
    fn duplicating_agrees() {
        let (all_inside, calls) = (Barrier::new(CALLERS), AtomicUsize::new(0));
        let memo = memo2::duplicating::Memo::new(|_: &usize| {
            all_inside.wait();
            calls.fetch_add(1, Relaxed)
        });
        let values = herd(|_| memo.get(&1));
        assert_eq!(values, [values[0]; CALLERS]);
    }
    // ANCHOR_END: duplicating_agrees
}

/// Which of the two?: a map of `OnceLock` that forgets the keys whose calls have panicked.
mod choosing {
    use std::collections::HashMap;
    use std::hash::Hash;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::sync::{Arc, OnceLock};

    use parking_lot::Mutex;

    struct Memo<K, V, F> {
        f: F,
        map: Mutex<HashMap<K, Arc<OnceLock<V>>>>,
    }

    impl<K: Hash + Eq + Clone, V: Clone, F: Fn(&K) -> V> Memo<K, V, F> {
        // ANCHOR: once_lock
        pub(crate) fn get(&self, key: &K) -> V {
            let entry = self.map.lock().entry(key.clone()).or_default().clone();
            if let Some(value) = entry.get() {
                return value.clone();
            }
            let call = || entry.get_or_init(|| (self.f)(key)).clone();
            catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
                let mut map = self.map.lock();
                if entry.get().is_none() && Arc::strong_count(&entry) == 2 {
                    map.remove(key);
                }
                drop(map);
                resume_unwind(panic)
            })
        }
        // ANCHOR_END: once_lock
    }

    #[test]
    fn a_key_whose_call_panicked_does_not_stay() {
        let calls = AtomicUsize::new(0);
        let f = |key: &u64| match calls.fetch_add(1, Relaxed) {
            0 => resume_unwind(Box::new("the first call fails")),
            _ => key + 1,
        };
        let memo = Memo { f, map: Mutex::default() };
        assert!(catch_unwind(AssertUnwindSafe(|| memo.get(&1))).is_err());
        assert!(memo.map.lock().is_empty());
        assert_eq!([memo.get(&1), memo.get(&1), memo.get(&2)], [2, 2, 3]);
        assert_eq!(calls.load(Relaxed), 3);
    }
}

/// The same memo three times: an `f` that offloads its blocking call.
mod blocking {
    use std::path::PathBuf;

    #[test]
    fn a_blocking_call_is_offloaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        std::fs::write(&path, "text").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            // ANCHOR: offload
            let memo = memo3::task::Memo::new(|path: &PathBuf| {
                let path = path.clone();
                async move {
                    let read = move || std::fs::read(path).map_err(|error| error.kind());
                    tokio::task::spawn_blocking(read).await.expect("a read does not panic")
                }
            });
            // ANCHOR_END: offload
            assert_eq!(memo.get(path).await, Ok(b"text".to_vec()));
            memo.close().await;
        });
    }
}

/// What a stack costs: a future keeps what is needed after an `.await`.
mod stack_cost {
    // ANCHOR: over_an_await
    async fn keeps() -> u8 {
        let array = [7; 32 << 10];
        tokio::task::yield_now().await;
        array[0]
    }

    async fn drops() -> u8 {
        let first = {
            let array = [7; 32 << 10];
            array[0]
        };
        tokio::task::yield_now().await;
        first
    }
    // ANCHOR_END: over_an_await

    #[test]
    fn a_future_keeps_an_array_over_an_await() {
        assert!(size_of_val(&keeps()) >= 32 << 10);
        assert!(size_of_val(&drops()) < 1 << 10);
    }
}

/// No identity: a number that is kept under the thread, and one that is passed on.
mod identity {
    use std::cell::Cell;

    use tokio::task::yield_now;

    // ANCHOR: under_the_thread
    thread_local! {
        static REQUEST: Cell<u32> = const { Cell::new(0) };
    }

    async fn answer(request: u32) -> String {
        REQUEST.set(request);
        fetch().await;
        format!("the answer to request {}", REQUEST.get())
    }
    // ANCHOR_END: under_the_thread

    // ANCHOR: in_an_argument
    async fn answer_by_argument(request: u32) -> String {
        fetch().await;
        format!("the answer to request {request}")
    }
    // ANCHOR_END: in_an_argument

    /// Waits once, like a fetch.
    async fn fetch() {
        yield_now().await;
    }

    #[test]
    fn the_thread_knows_only_the_last_request() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let [first, second] = [1, 2].map(|request| tokio::spawn(answer(request)));
            assert_eq!(first.await.unwrap(), "the answer to request 2");
            assert_eq!(second.await.unwrap(), "the answer to request 2");
            let [first, second] = [1, 2].map(|request| tokio::spawn(answer_by_argument(request)));
            assert_eq!(first.await.unwrap(), "the answer to request 1");
            assert_eq!(second.await.unwrap(), "the answer to request 2");
        });
    }
}

/// A memo that lends its values: a hash function with a secret.
mod lending {
    #[test]
    fn a_hash_function_with_a_secret() {
        let f = |key: &String| key.len();
        // ANCHOR: with_hasher
        let memo = memo2::lending::Memo::with_hasher(f, std::hash::RandomState::new());
        // ANCHOR_END: with_hasher
        assert_eq!(*memo.get("page"), 4);
    }
}

/// A memo that forgets, cancels and reports cycles: a caller that waits for two seconds at most.
mod leaving {
    use std::time::Duration;

    use memo2::robust::{Call, Error, Memo};

    #[expect(clippy::unnecessary_wraps, reason = "a page that is fetched may fail")]
    fn fetch(_: &Call, url: &str) -> Result<String, String> {
        Ok(format!("the page of {url}"))
    }

    #[test]
    fn a_caller_brings_a_deadline() -> Result<(), Error> {
        let url = "http://localhost/".to_string();
        // ANCHOR: deadline
        let memo = Memo::new(|call: &Call, url: &String| fetch(call, url));
        let page = memo.get_until(&url, Duration::from_secs(2))?;
        // ANCHOR_END: deadline
        assert_eq!(page, Ok("the page of http://localhost/".to_string()));
        Ok(())
    }
}
