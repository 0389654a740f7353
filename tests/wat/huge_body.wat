;; Replaces a body by 16 MiB.
(module
  (import "env" "proxy_set_buffer_bytes"
    (func $proxy_set_buffer_bytes (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $proxy_send_local_response (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 256)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func $answer (param $status i32)
    ;; 200 and the status, so that a test can read it off the response.
    (drop (call $proxy_send_local_response (i32.add (i32.const 200) (local.get $status))
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const -1))))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (call $answer
      (call $proxy_set_buffer_bytes
        (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0x1000000)))
    (i32.const 0)))
