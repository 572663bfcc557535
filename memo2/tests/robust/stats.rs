//! What a memo shows of itself.

use std::sync::Barrier;
use std::thread;

use memo2::robust::{Call, Error, Memo};
use rusty_fork::rusty_fork_test;

use crate::{until, until_waits};

/// The memo's calls in flight, as they are displayed.
fn words<K, V, F>(memo: &Memo<K, V, F>) -> Vec<String> {
    let mut words: Vec<_> = memo.in_flight().iter().map(ToString::to_string).collect();
    words.sort_unstable();
    words
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    #[test]
    fn calls_in_flight_are_seen() {
        let end = Barrier::new(2);
        let pages = Memo::new(|_: &Call, _: &&str| {
            end.wait();
        });
        let sites = Memo::new(|call: &Call, site: &u8| (0..*site).try_for_each(|_| call.get(&pages, &"a page")));
        thread::scope(|scope| {
            scope.spawn(|| sites.get(&1));
            until(|| pages.stats().in_flight == 1);
            scope.spawn(|| sites.get(&2));
            until_waits(&pages, 1);
            scope.spawn(|| sites.get(&2));
            scope.spawn(|| sites.get(&2));
            until_waits(&sites, 2);

            until(|| words(&sites) == ["1: waits for \"a page\"", "2: waits for \"a page\", 2 waiters"]);
            let [page] = &pages.in_flight()[..] else { panic!("one page is fetched") };
            assert_eq!(page.to_string(), "\"a page\": at work, 1 waiter");
            assert_eq!(
                format!("{pages:?}"),
                "Memo { stats: Stats { hits: 0, misses: 1, waits: 1, in_flight: 1, panics: 0, cancels: 0, cycles: 0 }, \
                 in_flight: [InFlight { key: \"\\\"a page\\\"\", waiters: 1, told_to_stop: false, \
                 waits_for: [] }], .. }"
            );
            end.wait();
        });
        assert_eq!((pages.in_flight(), sites.in_flight()), (vec![], vec![]));
        let stats = pages.stats();
        // Both sites asked once before the page was there. The second site asked once more after that.
        assert_eq!((stats.misses, stats.waits, stats.hits), (1, 1, 1));
    }

    /// A call no longer waits for a call that it made itself or that it waited for, once that call has ended.
    #[test]
    fn ended_waits_are_not_shown() {
        let (led, may_come) = (Barrier::new(2), Barrier::new(2));
        let pages = Memo::new(|_: &Call, page: &&str| {
            if *page == "a slow page" {
                led.wait();
                may_come.wait();
            }
        });
        let end = Barrier::new(2);
        let sites = Memo::new(|call: &Call, _: &u8| {
            assert_eq!(format!("{call:?}"), "Call { key: \"1\", .. }");
            call.get(&pages, &"a page")?;
            call.get(&pages, &"a slow page")?;
            end.wait();
            end.wait();
            Ok::<_, Error>(())
        });
        thread::scope(|scope| {
            scope.spawn(|| pages.get(&"a slow page"));
            led.wait();
            scope.spawn(|| sites.get(&1));
            until(|| words(&sites) == ["1: waits for \"a slow page\""]);
            may_come.wait();
            end.wait();
            assert_eq!(words(&sites), ["1: at work"]);
            end.wait();
        });
    }
}
