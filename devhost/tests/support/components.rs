//! Components as text: as small as they can be, so that no toolchain for them is needed.
#![allow(dead_code, reason = "each test file uses its part")]

/// Hears Redis messages. `Trap` traps, `Error` returns an error, anything else is published to the
/// channel `heard` of the Redis at `url` before the handler returns; an error when that fails.
pub(crate) fn listener(url: &str) -> String {
    let length = url.len();
    format!(
        r#"
(component
  (import "fermyon:spin/redis@2.0.0" (instance $redis
    (export "connection" (type $connection (sub resource)))
    (type $e (variant (case "invalid-address") (case "too-many-connections")
                      (case "type-error") (case "other" string)))
    (export "error" (type $error (eq $e)))
    (export "[static]connection.open"
      (func (param "address" string) (result (result (own $connection) (error $error)))))
    (export "[method]connection.publish"
      (func (param "self" (borrow $connection)) (param "channel" string)
            (param "payload" (list u8)) (result (result (error $error)))))))
  (core module $memory
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $top)
      (global.set $top (i32.and (i32.add (i32.add (global.get $top) (local.get 3)) (i32.const 15))
                                (i32.const -16))))
    (data (i32.const 1024) "{url}")
    (data (i32.const 2048) "heard"))
  (core instance $memory (instantiate $memory))
  (core func $open (canon lower (func $redis "[static]connection.open")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core func $publish (canon lower (func $redis "[method]connection.publish")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core module $code
    (import "memory" "memory" (memory 1))
    (import "redis" "open" (func $open (param i32 i32 i32)))
    (import "redis" "publish" (func $publish (param i32 i32 i32 i32 i32 i32)))
    (func (export "handle-message") (param $message i32) (param $length i32) (result i32)
      (if (i32.eq (i32.load8_u (local.get $message)) (i32.const 84)) (then (unreachable)))
      ;; The answer stands at 0: first whether it is an error, then which.
      (i32.store8 (i32.const 0) (i32.eq (i32.load8_u (local.get $message)) (i32.const 69)))
      (i32.store8 (i32.const 1) (i32.const 1))
      (if (i32.load8_u (i32.const 0)) (then (return (i32.const 0))))
      (call $open (i32.const 1024) (i32.const {length}) (i32.const 16))
      (i32.store8 (i32.const 0) (i32.load8_u (i32.const 16)))
      (if (i32.load8_u (i32.const 0)) (then (return (i32.const 0))))
      (call $publish (i32.load (i32.const 20)) (i32.const 2048) (i32.const 5)
                     (local.get $message) (local.get $length) (i32.const 32))
      (i32.store8 (i32.const 0) (i32.load8_u (i32.const 32)))
      (i32.const 0)))
  (core instance $code (instantiate $code
    (with "memory" (instance $memory))
    (with "redis" (instance (export "open" (func $open)) (export "publish" (func $publish))))))
  {INBOUND_REDIS})
"#
    )
}

/// Exports `handle-message` of the core instance `$code`, whose memory is `$memory`'s.
const INBOUND_REDIS: &str = r#"
  (import "fermyon:spin/redis-types" (instance $types
    (type $e (enum "success" "error"))
    (export "error" (type (eq $e)))))
  (alias export $types "error" (type $error))
  (func $handle-message (param "message" (list u8)) (result (result (error $error)))
    (canon lift (core func $code "handle-message")
      (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (instance $inbound-redis (export "handle-message" (func $handle-message)))
  (export "fermyon:spin/inbound-redis" (instance $inbound-redis))
"#;

/// Hears Redis messages; succeeds when the interface `test:adapter/check@0.1.0` says 42 and
/// returns an error otherwise.
pub(crate) fn asker() -> String {
    format!(
        r#"
(component
  (import "test:adapter/check@0.1.0" (instance $check
    (export "answer" (func (result u32)))))
  (core func $answer (canon lower (func $check "answer")))
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
  (core instance $memory (instantiate $memory))
  (core module $code
    (import "memory" "memory" (memory 1))
    (import "check" "answer" (func $answer (result i32)))
    (func (export "handle-message") (param i32 i32) (result i32)
      (i32.store8 (i32.const 0) (i32.ne (call $answer) (i32.const 42)))
      (i32.store8 (i32.const 1) (i32.const 1))
      (i32.const 0)))
  (core instance $code (instantiate $code
    (with "memory" (instance $memory))
    (with "check" (instance (export "answer" (func $answer))))))
  {INBOUND_REDIS})
"#
    )
}

/// Serves `test:adapter/check@0.1.0`: 42 and the number of its environment variables more.
pub(crate) const ADAPTER: &str = r#"
(component
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))))
  (core module $memory
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $top)
      (global.set $top (i32.and (i32.add (i32.add (global.get $top) (local.get 3)) (i32.const 15))
                                (i32.const -16)))))
  (core instance $memory (instantiate $memory))
  (core func $get-environment (canon lower (func $environment "get-environment")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core module $code
    (import "memory" "memory" (memory 1))
    (import "environment" "get" (func $get (param i32)))
    (func (export "answer") (result i32)
      (call $get (i32.const 0))
      (i32.add (i32.const 42) (i32.load (i32.const 4)))))
  (core instance $code (instantiate $code
    (with "memory" (instance $memory))
    (with "environment" (instance (export "get" (func $get-environment))))))
  (func $answer (result u32) (canon lift (core func $code "answer")))
  (instance $check (export "answer" (func $answer)))
  (export "test:adapter/check@0.1.0" (instance $check)))
"#;

/// Exports nothing.
pub(crate) const EMPTY: &str = "(component)";

/// Imports an interface that no host has.
pub(crate) const STRANGER: &str = r#"
(component (import "strange:world/wonder@1.0.0" (instance (export "wonder" (func)))))
"#;

/// Answers HTTP requests by running `body`, which sends no response.
pub(crate) fn http(body: &str) -> String {
    format!(
        r#"
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $incoming-request))
  (alias export $types "response-outparam" (type $response-outparam))
  (core module $code (func (export "handle") (param i32 i32) {body}))
  (core instance $code (instantiate $code))
  (func $handle (param "request" (own $incoming-request))
                (param "response-out" (own $response-outparam))
    (canon lift (core func $code "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
"#
    )
}
