;; Answers every request with 401 from its head, without a body, and pauses.
(module
 (import "env" "proxy_send_local_response"
  (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
 (memory (export "memory") 1)
 (func (export "proxy_abi_version_0_2_1"))
 (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
 (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (drop (call $respond (i32.const 401) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
   (i32.const 0) (i32.const 0) (i32.const -1)))
  (i32.const 1)))
