;; A request puts a value into each of 1,024 queues of the policy; to be told of each takes nearly all of a callback's fuel.
(module
 (import "env" "proxy_register_shared_queue" (func $reg (param i32 i32 i32) (result i32)))
 (import "env" "proxy_enqueue_shared_queue" (func $enq (param i32 i32 i32) (result i32)))
 (memory (export "memory") 512) 
 (func (export "proxy_abi_version_0_2_1"))
 (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 512))
 (func (export "proxy_on_configure") (param i32 i32) (result i32) (local $i i32) (memory.fill (i32.const 65536) (i32.const 0) (i32.const 0x1ee0000))
   (loop $a (i32.store (i32.const 0) (local.get $i))
     (drop (call $reg (i32.const 0) (i32.const 4) (i32.add (i32.const 4096) (i32.mul (i32.const 4) (local.get $i)))))
     (br_if $a (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1024)))) (i32.const 1))
 (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $i i32)
   (loop $a
     (drop (call $enq (i32.load (i32.add (i32.const 4096) (i32.mul (i32.const 4) (local.get $i)))) (i32.const 0) (i32.const 1)))
     (br_if $a (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1024)))) (i32.const 0))
 (func (export "proxy_on_queue_ready") (param i32 i32) (local $s i32) (local $x i32) (local $i i32) (local.set $i (i32.const 430000)) (loop $a (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 1664525)) (i32.const 1013904223)))
 (local.set $x (i32.load (i32.and (i32.add (local.get $x) (i32.shr_u (local.get $s) (i32.const 7))) (i32.const 0x1fffffc)))) (br_if $a (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))))
