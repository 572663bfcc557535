//! Whether another stack has room, asked before `may` maps it.
//!
//! A stack takes two mappings of the kernel's table, one for itself and one for its guard page, and the table has a
//! limit (`vm.max_map_count`, 65,530 if nobody has changed it). `may` panics there, while it holds things that the
//! panic's own printing may need. So a spawn asks here first.
//!
//! Asking must cost next to nothing, since it is asked at every spawn. While few coroutines live, it is one count: up
//! to half of what was free at the start there is room, whatever else the process maps meanwhile. Beyond that a spawn
//! needs *credit*, and credit is given only after a proof: a region is cut into so many mappings, and given back.

use std::io;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crossbeam::utils::CachePadded;

use crate::StackSize;

/// Mappings a stack takes: itself and its guard page.
const MAPPINGS_PER_STACK: usize = 2;

/// How many stacks' mappings are cut to prove that there is room.
const PROOF: usize = 256;

/// How many spawns a proof allows. It is less than what was proved, since others map too: threads, and the allocator,
/// which must never meet the limit.
const CREDIT: usize = 64;

#[derive(Debug)]
pub(super) struct Room {
    /// What those who spawn count, and what those who end: apart, so that the two do not take each other's cache line.
    begun: CachePadded<Begun>,
    /// Coroutines that have ended. One that overflowed its stack is not counted: its frames are abandoned, and so is
    /// its [`Place`]. It then seems to live, which costs a proof sooner, and nothing else.
    ended: CachePadded<AtomicUsize>,
    /// So many can live without a proof.
    plenty: usize,
    /// How many spawns the last proof still allows.
    credit: Mutex<usize>,
    stack: StackSize,
}

#[derive(Debug, Default)]
struct Begun {
    /// Coroutines that have been spawned, or tried to.
    all: AtomicUsize,
    /// How many had ended when somebody last looked; never more than have.
    ended: AtomicUsize,
}

/// A live coroutine's place. It is given back when dropped.
pub(super) struct Place(&'static Room);

impl Drop for Place {
    fn drop(&mut self) {
        // Relaxed, here and below: the counts are all there is, nothing is published by them.
        self.0.ended.fetch_add(1, Relaxed);
    }
}

impl Room {
    /// The room that is left when a pool of `pool` stacks is mapped, if that has room itself.
    pub(super) fn beside_pool(pool: usize, stack: StackSize) -> io::Result<Room> {
        let free = free_mappings();
        let needed = pool.saturating_mul(MAPPINGS_PER_STACK);
        let Some(left) = free.checked_sub(needed).filter(|left| *left >= PROOF * MAPPINGS_PER_STACK) else {
            return Err(io::Error::new(
                io::ErrorKind::OutOfMemory,
                format!("it takes {needed} mappings, and of vm.max_map_count only {free} are left"),
            ));
        };
        system::map_and_unmap(pool, stack)?;
        // The pool's stacks serve the first of those that live.
        Ok(Room {
            begun: CachePadded::default(),
            ended: CachePadded::default(),
            plenty: left / MAPPINGS_PER_STACK / 2,
            credit: Mutex::new(0),
            stack,
        })
    }

    /// A place for one coroutine more, or an error that says what stands in the way.
    pub(super) fn enter(&'static self) -> io::Result<Place> {
        let begun = self.begun.all.fetch_add(1, Relaxed);
        let place = Place(self);
        // An old count of those that have ended makes the living too many, never too few.
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
                        "no room for another stack of {}: {live} coroutines live, each takes {MAPPINGS_PER_STACK} mappings, \
                         and vm.max_map_count is {} (as root, `sysctl vm.max_map_count=...` raises it): {source}",
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

    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

    use crate::StackSize;
    use crate::system::page_size;

    /// The most mappings that a process may have; if that cannot be found out, nothing is forbidden.
    pub(super) fn limit() -> usize {
        let read = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
        read.and_then(|text| text.trim().parse().ok()).unwrap_or(usize::MAX)
    }

    /// How many it has.
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
            // SAFETY: the address is null and the mapping anonymous, so the kernel takes addresses that nobody uses.
            let start = unsafe { mmap_anonymous(ptr::null_mut(), bytes, access, MapFlags::PRIVATE | flags) }?;
            let start = NonNull::new(start).ok_or_else(|| io::Error::other("a mapping at address 0"))?;
            Ok(Region { start, bytes })
        }

        /// Makes the page at `offset` readable and writable, which cuts it off its neighbours.
        fn cut(&self, offset: usize) -> io::Result<()> {
            assert!(offset < self.bytes);
            let page = self.start.as_ptr().wrapping_byte_add(offset);
            // SAFETY: `page` lies in this region, which is ours alone and in which no reference points.
            unsafe { mprotect(page, page_size(), MprotectFlags::READ | MprotectFlags::WRITE) }?;
            Ok(())
        }
    }

    impl Drop for Region {
        fn drop(&mut self) {
            // SAFETY: the region was mapped here with this length, and nothing points into it. If the kernel refuses,
            // it stays mapped, which harms nobody.
            let _ = unsafe { munmap(self.start.as_ptr(), self.bytes) };
        }
    }

    /// Maps `pool` stacks in one piece, which asks the limits of address space and of memory, and one as `may` will map
    /// it; and gives both back.
    pub(super) fn map_and_unmap(pool: usize, stack: StackSize) -> io::Result<()> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let one = stack.bytes().saturating_add(2 * page_size());
        let all = one.checked_mul(pool).ok_or(io::ErrorKind::OutOfMemory)?;
        // Without a reservation: each of the pool's mappings will be judged alone, and not their sum.
        Region::map(all, access, MapFlags::NORESERVE)?;
        Region::map(one, access, MapFlags::empty())?;
        Ok(())
    }

    /// Cuts a region into `mappings` of them, and maps a stack, and gives all back: so many are free now.
    pub(super) fn prove(mappings: usize, stack: StackSize) -> io::Result<()> {
        let region = Region::map(mappings * page_size(), ProtFlags::empty(), MapFlags::empty())?;
        // Every second page differs from its neighbours, so that no two can be one mapping.
        for page in (0..mappings).step_by(2) {
            region.cut(page * page_size())?;
        }
        Region::map(stack.bytes() + 2 * page_size(), ProtFlags::READ | ProtFlags::WRITE, MapFlags::empty())?;
        Ok(())
    }
}

/// Elsewhere no such limit is known: whatever fails, fails when it is tried.
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
