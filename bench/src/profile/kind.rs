//! What kind of work a stack is: the innermost frame that any rule below knows decides. What all kinds
//! of work call upon (copying, comparing, allocating) is known by none, or is a kind of its own.

use crate::profile::frame::{Frame, Place};

/// What the names of components' own work begin with.
pub(crate) const GUEST: &str = "guest: ";

/// Kinds of work, and parts of the names of functions that do it, by whose code they are.
#[rustfmt::skip]
const KINDS: [(Place, &str, &[&str]); 27] = [
    (Place::Kernel, "connections: to open and close them (kernel)", &[
        "_sys_connect", "_sys_socket", "_sys_accept", "_sys_close", "_sys_shutdown", "_sys_bind",
        "_sys_setsockopt", "_sys_getsockopt", "_sys_getsockname", "_sys_getpeername", "_sys_ioctl",
        "_sys_fcntl", "__fput",
    ]),
    (Place::Kernel, "sockets: to send and receive (kernel)", &[
        "sock_write_iter", "sock_read_iter", "_sys_send", "_sys_recv", "net_rx_action",
    ]),
    (Place::Kernel, "waiting and waking (kernel)", &[
        "epoll", "futex", "eventfd", "sched_yield", "schedule",
    ]),
    (Place::Kernel, "memory (kernel)", &[
        "page_fault", "_sys_madvise", "_sys_mmap", "_sys_munmap", "_sys_mprotect", "_sys_brk",
    ]),

    (Place::Component, "guest: memory", &["dlmalloc", "dlfree", "malloc", "free", "realloc"]),
    (Place::Component, "guest: settings", &["settings::"]),
    (Place::Component, "guest: JSON", &["serde_json::", "serde_core::", "serde::"]),
    (Place::Component, "guest: records and script arguments", &["store::", "saga::"]),
    (Place::Component, "guest: routes", &["routes::"]),
    (Place::Component, "guest: node adapter", &["muster:node/adapter", "cluster_manager::"]),
    (Place::Component, "guest: the drain's loop", &["drain::"]),
    (Place::Component, "guest: executor", &["spin_executor::", "futures_"]),
    (Place::Component, "guest: HTTP and bindings", &[
        "spin_runtime::", "spin_sdk::", "wasi::", "wasip2::", "http::", "wasi:http/",
    ]),
    (Place::Component, "between host and guest", &["trampoline", "wasmtime"]),

    (Place::Program, "allocation", &[
        "malloc", "_int_free", "cfree", "realloc", "calloc", "unlink_chunk",
    ]),
    (Place::Program, "instances: to set up and clear", &[
        "Instantiator", "InstancePre", "instantiate", "allocator::", "pagemap", "vm::instance::",
        "vm::cow", "runtime::instance::", "StoreOpaque", "Store::new", "Store::drop", "FiberStack",
        "make_fiber", "module::registry", "CompiledFunctionsTable", "FuncKey", "lookup_vmdef",
    ]),
    (Place::Program, "Redis connection", &["redis::"]),
    (Place::Program, "HTTP", &["hyper", "http", "url::", "idna::"]),
    (Place::Program, "WASI: polls, clocks, streams", &["wasmtime_wasi"]),
    (Place::Program, "between host and guest", &["wasmtime"]),
    (Place::Program, "scheduler (tokio)", &["tokio::", "mio::"]),

    (Place::Program, "commands that scripts call", &["scriptCall"]),
    (Place::Program, "scripts' own code (Lua)", &["luaCallFunction", "evalGenericCommand"]),
    (Place::Program, "connections: to open and close them", &[
        "acceptTcpHandler", "acceptCommonHandler", "createClient", "freeClient", "unlinkClient",
    ]),
    (Place::Program, "requests and answers", &[
        "readQueryFromClient", "processInputBuffer", "writeToClient", "beforeSleep",
    ]),
    (Place::Program, "append-only file", &["flushAppendOnlyFile", "feedAppendOnlyFile"]),
    // By a process of its own, from time to time.
    (Place::Program, "append-only file: to write it anew", &["rewriteAppendOnly", "rdbSave", "lzf_"]),
];

/// What no rule knows.
const OTHER: [(Place, &str); 3] = [
    (Place::Kernel, "other (kernel)"),
    (Place::Component, "guest: other"),
    (Place::Program, "other"),
];

pub(crate) fn of(stack: &[Frame]) -> &'static str {
    let known = stack.iter().rev().find_map(|frame| {
        let does = |parts: &[&str]| parts.iter().any(|part| frame.name.contains(part));
        let kind = KINDS.iter().find(|(place, _, parts)| *place == frame.place && does(parts));
        kind.map(|(_, kind, _)| *kind)
    });
    known.unwrap_or_else(|| {
        let innermost = stack.last().map(|frame| frame.place);
        let other = OTHER.iter().find(|(place, _)| Some(*place) == innermost);
        other.map_or("other", |(_, other)| other)
    })
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::profile::frame::{Frame, Place};

    #[test]
    fn the_innermost_known_frame_decides() {
        use Place::{Component, Kernel, Program};
        let stack = |frames: &[(Place, &str)]| -> Vec<Frame> {
            let frame =
                |(place, name): &(Place, &str)| Frame { place: *place, name: (*name).to_owned() };
            frames.iter().map(frame).collect()
        };
        let guest =
            [(Program, "tokio::run"), (Component, "routes::submit"), (Component, "core::fmt")];
        assert_eq!(of(&stack(&guest)), "guest: routes");
        let sends = [(Program, "hyper::send"), (Kernel, "__x64_sys_sendto"), (Kernel, "tcp_ack")];
        assert_eq!(of(&stack(&sends)), "sockets: to send and receive (kernel)");
        assert_eq!(of(&stack(&[(Program, "main"), (Component, "strange")])), "guest: other");
        assert_eq!(of(&[]), "other");
    }
}
