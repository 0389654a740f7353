;; Registers a queue with a name of 1 MiB.
(module
  (import "env" "proxy_register_shared_queue"
    (func $proxy_register_shared_queue (param i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $proxy_send_local_response (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 32)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func $answer (param $status i32)
    ;; 200 and the status, so that a test can read it off the response.
    (drop (call $proxy_send_local_response (i32.add (i32.const 200) (local.get $status))
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const -1))))
  (func (export "proxy_on_request_headers")
      (param $context i32) (param $fields i32) (param $end i32) (result i32)
    (local $i i32)
    (if (i32.eq (local.get $fields) (i32.const 5))
      (then
        (call $answer
          (call $proxy_register_shared_queue (i32.const 0) (i32.const 0x100000) (i32.const 16)))))
    (i32.const 0)))
