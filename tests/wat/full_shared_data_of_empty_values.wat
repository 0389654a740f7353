;; Stores nothing under ever new keys until the host answers anything but OK.
(module
  (import "env" "proxy_set_shared_data"
    (func $proxy_set_shared_data (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $proxy_send_local_response (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
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
        (loop $again
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (i32.store (i32.const 64) (local.get $i))
          (br_if $again (i32.eqz (call $proxy_set_shared_data
            (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0)))))
        (call $answer (call $proxy_set_shared_data
          (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0)))))
    (i32.const 0)))
