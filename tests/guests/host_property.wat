;; The properties request.headers.host and request.headers.:authority are one: both statuses are 0.
(module
 (import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32)))
 (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
 (memory (export "memory") 1)
 (data (i32.const 64) "request\00headers\00host") (data (i32.const 100) "request\00headers\00:authority") (data (i32.const 256) "host prop: status 0") (data (i32.const 300) "auth prop: status 0")
 (func (export "proxy_abi_version_0_2_1"))
 (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
 (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
   (i32.store8 (i32.const 274) (i32.add (i32.const 48) (call $get (i32.const 64) (i32.const 20) (i32.const 0) (i32.const 4))))
   (drop (call $log (i32.const 2) (i32.const 256) (i32.const 19)))
   (i32.store8 (i32.const 318) (i32.add (i32.const 48) (call $get (i32.const 100) (i32.const 26) (i32.const 0) (i32.const 4))))
   (drop (call $log (i32.const 2) (i32.const 300) (i32.const 19))) (i32.const 0)))
