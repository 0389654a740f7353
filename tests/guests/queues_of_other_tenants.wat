;; Answers 200 and the status of registering a queue. A request with `x-evil` registers 1100 other
;; queues before, which are more than a tenant may have: its own status is INTERNAL_FAILURE (10), and
;; that of every other tenant stays OK.
(module
 (import "env" "proxy_send_local_response"
  (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
 (import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))
 (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
 (memory (export "memory") 64)
 (data (i32.const 16) "x-evil")
 (func (export "proxy_abi_version_0_2_1"))
 (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 512))
 (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $i i32)
  (if (i32.eqz (call $get (i32.const 0) (i32.const 16) (i32.const 6) (i32.const 32) (i32.const 36)))
   (then
    (loop $more
     (i32.store (i32.const 0) (local.get $i))
     (drop (call $register (i32.const 0) (i32.const 4) (i32.const 8)))
     (br_if $more
      (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1100))))))
  (drop (call $respond
   (i32.add (i32.const 200) (call $register (i32.const 16) (i32.const 6) (i32.const 8)))
   (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
   (i32.const -1)))
  (i32.const 1)))
