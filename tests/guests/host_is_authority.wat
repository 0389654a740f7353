;; `host` names :authority in every header map function: both statuses are 0, and the upstream sees one host, other.example.
(module
 (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
 (import "env" "proxy_replace_header_map_value" (func $rep (param i32 i32 i32 i32 i32) (result i32)))
 (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
 (memory (export "memory") 1)
 (data (i32.const 64) "host") (data (i32.const 80) "other.example") (data (i32.const 256) "get host: status 0") (data (i32.const 300) "replace host: status 0")
 (func (export "proxy_abi_version_0_2_1"))
 (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
 (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
   (i32.store8 (i32.const 273) (i32.add (i32.const 48) (call $get (i32.const 0) (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 4))))
   (drop (call $log (i32.const 2) (i32.const 256) (i32.const 18)))
   (i32.store8 (i32.const 321) (i32.add (i32.const 48) (call $rep (i32.const 0) (i32.const 64) (i32.const 4) (i32.const 80) (i32.const 13))))
   (drop (call $log (i32.const 2) (i32.const 300) (i32.const 22))) (i32.const 0)))
