//! Checks that another stack has room before `may` maps it.
//!
//! A stack takes two mappings of the kernel's table, one for itself and one for its guard page, and the table has
//! a limit (`vm.max_map_count`, by default 65,530). At the limit `may` panics, while it holds things that printing
//! the panic may need. So a spawn asks here first.
//!
//! The check must cost next to nothing, because every spawn makes it. While few coroutines live, it is one count:
//! up to half of what was free at the start there is room, whatever else the process maps meanwhile. Beyond that a
//! spawn needs *credit*, and credit is given only after a proof: a region is cut into as many mappings as the
//! proof needs, and is then unmapped.

use std::io;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crossbeam::utils::CachePadded;

use crate::StackSize;

/// How many mappings a stack takes: one for itself and one for its guard page.
const MAPPINGS_PER_STACK: usize = 2;

/// For how many stacks the proof cuts mappings, to show that there is room.
const PROOF: usize = 256;

/// How many spawns a proof allows. This is less than what was proved, because other code maps memory too: threads,
/// and the allocator, which must never meet the limit.
const CREDIT: usize = 64;

#[derive(Debug)]
pub(super) struct Room {
    /// The counts that spawns write. `ended`, which ending coroutines write, is separate, so that the two do not
    /// take each other's cache line.
    begun: CachePadded<Begun>,
    /// How many coroutines have ended. A coroutine that overflowed its stack is not counted: its frames are
    /// abandoned, and so is its [`Place`]. It then seems to live, so a proof is needed sooner; nothing else
    /// changes.
    ended: CachePadded<AtomicUsize>,
    /// How many coroutines may live without a proof.
    plenty: usize,
    /// How many spawns the last proof still allows.
    credit: Mutex<usize>,
    stack: StackSize,
}

#[derive(Debug, Default)]
struct Begun {
    /// How many spawns have been tried, including those that failed.
    all: AtomicUsize,
    /// How many coroutines had ended when a spawn last looked; never more than have really ended.
    ended: AtomicUsize,
}

/// The place of one live coroutine. Dropping it gives the place back.
pub(super) struct Place(&'static Room);

impl Drop for Place {
    fn drop(&mut self) {
        // Relaxed, here and below: only the counts themselves matter; no other memory is published through them.
        self.0.ended.fetch_add(1, Relaxed);
    }
}

impl Room {
    /// Returns the room that is left beside a pool of `pool` stacks, or an error if the pool itself has no room.
    pub(super) fn beside_pool(pool: usize, stack: StackSize) -> io::Result<Room> {
        let free = free_mappings();
        let needed = pool.saturating_mul(MAPPINGS_PER_STACK);
        let Some(left) =
            free.checked_sub(needed).filter(|left| *left >= PROOF * MAPPINGS_PER_STACK)
        else {
            return Err(io::Error::new(
                io::ErrorKind::OutOfMemory,
                format!(
                    "it needs {needed} mappings, but only {free} of vm.max_map_count are left"
                ),
            ));
        };
        system::map_and_unmap(pool, stack)?;
        // The pool's stacks serve the first coroutines. `plenty` does not count them, so it errs on the safe side.
        Ok(Room {
            begun: CachePadded::default(),
            ended: CachePadded::default(),
            plenty: left / MAPPINGS_PER_STACK / 2,
            credit: Mutex::new(0),
            stack,
        })
    }

    /// Takes a place for one more coroutine, or returns an error that says what prevents it.
    pub(super) fn enter(&'static self) -> io::Result<Place> {
        let begun = self.begun.all.fetch_add(1, Relaxed);
        let place = Place(self);
        // An outdated count of ended coroutines makes the live ones seem too many, never too few.
        if begun.saturating_sub(self.begun.ended.load(Relaxed)) >= self.plenty {
            let ended = self.ended.load(Relaxed);
            self.begun.ended.fetch_max(ended, Relaxed);
            let live = begun.saturating_sub(ended);
            if live >= self.plenty {
                self.take_credit(live)?;
            }
        }
        Ok(place)
    }

    #[cold]
    fn take_credit(&self, live: usize) -> io::Result<()> {
        let mut credit = self.credit.lock().unwrap_or_else(PoisonError::into_inner);
        if *credit == 0 {
            system::prove(PROOF * MAPPINGS_PER_STACK, self.stack).map_err(|source| {
                io::Error::new(
                    io::ErrorKind::OutOfMemory,
                    format!(
                        "no room for another stack of {}: {live} coroutines live, each takes \
                         {MAPPINGS_PER_STACK} mappings, and vm.max_map_count is {} \
                         (as root, `sysctl vm.max_map_count=...` raises it): {source}",
                        self.stack,
                        system::limit(),
                    ),
                )
            })?;
            *credit = CREDIT;
        }
        *credit -= 1;
        Ok(())
    }
}

fn free_mappings() -> usize {
    system::limit().saturating_sub(system::mapped())
}

#[cfg(target_os = "linux")]
mod system {
    use std::ffi::c_void;
    use std::fs;
    use std::io;
    use std::ptr::{self, NonNull};

    use rustix::mm::{
        MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap,
    };

    use crate::StackSize;
    use crate::system::page_size;

    /// The most mappings that a process may have. If it cannot be read, nothing is refused.
    pub(super) fn limit() -> usize {
        let read = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
        read.and_then(|text| text.trim().parse().ok()).unwrap_or(usize::MAX)
    }

    /// How many mappings this process has.
    pub(super) fn mapped() -> usize {
        fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count())
    }

    /// A region that is unmapped when dropped.
    struct Region {
        start: NonNull<c_void>,
        bytes: usize,
    }

    impl Region {
        fn map(bytes: usize, access: ProtFlags, flags: MapFlags) -> io::Result<Region> {
            // SAFETY: the address is null and the mapping anonymous, so the kernel picks addresses that are not in
            // use.
            let start = unsafe {
                mmap_anonymous(ptr::null_mut(), bytes, access, MapFlags::PRIVATE | flags)
            }?;
            let start = NonNull::new(start)
                .ok_or_else(|| io::Error::other("a mapping at address 0"))?;
            Ok(Region { start, bytes })
        }

        /// Makes the page at `offset` readable and writable, which separates it from its neighbours.
        fn cut(&self, offset: usize) -> io::Result<()> {
            assert!(offset < self.bytes);
            let page = self.start.as_ptr().wrapping_byte_add(offset);
            // SAFETY: `page` lies in this region, which only this value owns and into which no reference points.
            unsafe {
                mprotect(page, page_size(), MprotectFlags::READ | MprotectFlags::WRITE)
            }?;
            Ok(())
        }
    }

    impl Drop for Region {
        fn drop(&mut self) {
            // SAFETY: the region was mapped here with this length, and nothing points into it. If the kernel
            // refuses, the region stays mapped, which does no harm.
            let _ = unsafe { munmap(self.start.as_ptr(), self.bytes) };
        }
    }

    /// Maps `pool` stacks in one piece, which tests the limits of address space and of memory. Also maps one stack
    /// as `may` will map it. Unmaps both.
    pub(super) fn map_and_unmap(pool: usize, stack: StackSize) -> io::Result<()> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let one = stack.bytes().saturating_add(2 * page_size());
        let all = one.checked_mul(pool).ok_or(io::ErrorKind::OutOfMemory)?;
        // NORESERVE, because the kernel will judge each of the pool's mappings alone, and not their sum.
        Region::map(all, access, MapFlags::NORESERVE)?;
        Region::map(one, access, MapFlags::empty())?;
        Ok(())
    }

    /// Proves that `mappings` mappings are free now: cuts a region into that many, maps a stack, and unmaps both.
    pub(super) fn prove(mappings: usize, stack: StackSize) -> io::Result<()> {
        let region =
            Region::map(mappings * page_size(), ProtFlags::empty(), MapFlags::empty())?;
        // Every second page differs from its neighbours, so that no two pages can share one mapping.
        for page in (0..mappings).step_by(2) {
            region.cut(page * page_size())?;
        }
        Region::map(
            stack.bytes() + 2 * page_size(),
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::empty(),
        )?;
        Ok(())
    }
}

/// Other systems have no such limit that we know of, so nothing is refused before it is tried.
#[cfg(not(target_os = "linux"))]
mod system {
    use crate::StackSize;
    use std::io;

    pub(super) fn limit() -> usize {
        usize::MAX
    }
    pub(super) fn mapped() -> usize {
        0
    }
    pub(super) fn map_and_unmap(_: usize, _: StackSize) -> io::Result<()> {
        Ok(())
    }
    pub(super) fn prove(_: usize, _: StackSize) -> io::Result<()> {
        Ok(())
    }
}
