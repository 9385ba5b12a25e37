//! What the standard library does otherwise: memory, and the end after a panic.
#![expect(unsafe_code, reason = "memory is handed to and fro as pointers")]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

unsafe extern "C" {
    fn aligned_alloc(align: usize, bytes: usize) -> *mut u8;
    fn realloc(old: *mut u8, bytes: usize) -> *mut u8;
    fn free(old: *mut u8);
}

/// The C library's, which begins with the memory that an instance is made with, so that a short life
/// needs no more from the host.
struct Malloc;

#[global_allocator]
static ALLOCATOR: Malloc = Malloc;

/// What `realloc` aligns to.
const ALIGN: usize = 16;

// SAFETY: what is given is of the C library's allocator, which keeps the same promises.
unsafe impl GlobalAlloc for Malloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let bytes = layout.size().next_multiple_of(layout.align());
        // SAFETY: the size is a multiple of the alignment, which is a power of two.
        unsafe { aligned_alloc(layout.align().max(ALIGN), bytes.next_multiple_of(ALIGN)) }
    }

    unsafe fn dealloc(&self, old: *mut u8, _: Layout) {
        // SAFETY: it came from here.
        unsafe { free(old) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        if layout.align() <= ALIGN {
            // SAFETY: it came from here.
            return unsafe { realloc(old, bytes) };
        }
        // SAFETY: as above; the two do not overlap, and each is as long as what is copied.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(bytes, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(old, layout.size().min(bytes));
                free(old);
            }
            new
        }
    }
}

/// Whoever asked traps as well, and says so.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Through this the caller hands over what it asks with; the component model names it.
///
/// # Safety
/// `old` is null with `old_bytes` 0, or came from here with that size and `align`, a power of two.
#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn hand_over(
    old: *mut u8,
    old_bytes: usize,
    align: usize,
    bytes: usize,
) -> *mut u8 {
    let layout = |bytes| {
        // SAFETY: `align` is a power of two, and no size in a memory of 32 bits overflows with it.
        unsafe { Layout::from_size_align_unchecked(bytes, align) }
    };
    match (old_bytes, bytes) {
        // Never read or written, only not null.
        (0, 0) => core::ptr::without_provenance_mut(align),
        // SAFETY: of a size above 0.
        (0, bytes) => unsafe { alloc::alloc::alloc(layout(bytes)) },
        // SAFETY: as the caller promises.
        (old_bytes, bytes) => unsafe { alloc::alloc::realloc(old, layout(old_bytes), bytes) },
    }
}
