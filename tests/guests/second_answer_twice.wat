;; Answers 401 from the request's head, and 402 when it sees the head of that response; pauses both
;; times. The client gets the 402, and the log the status of the second hostcall, which is 0.
(module
 (import "env" "proxy_send_local_response"
  (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
 (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
 (memory (export "memory") 1)
 (data (i32.const 64) "first") (data (i32.const 80) "second")
 (data (i32.const 100) "local response 0")
 (func (export "proxy_abi_version_0_2_1"))
 (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
 (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (drop (call $respond (i32.const 401) (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 5)
   (i32.const 0) (i32.const 0) (i32.const -1)))
  (i32.const 1))
 (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
  (i32.store8 (i32.const 115) (i32.add (i32.const 48)
   (call $respond (i32.const 402) (i32.const 0) (i32.const 0) (i32.const 80) (i32.const 6)
    (i32.const 0) (i32.const 0) (i32.const -1))))
  (drop (call $log (i32.const 2) (i32.const 100) (i32.const 16)))
  (i32.const 1)))
