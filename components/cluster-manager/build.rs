//! Links the C library's memory functions, which the standard library brings along otherwise, and a
//! stack that is small, because a host clears an instance's memory after each request.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        println!("cargo::rustc-link-arg-cdylib=-lc");
        println!("cargo::rustc-link-arg-cdylib=-zstack-size=65536");
    }
}
