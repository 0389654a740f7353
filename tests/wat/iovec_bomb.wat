;; One `fd_write` of 1,024 pieces, each of them all of the memory.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 256)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers")
      (param $context i32) (param $fields i32) (param $end i32) (result i32)
    (local $i i32)
    (if (i32.eq (local.get $fields) (i32.const 5))
      (then
        (loop $fill
          (i32.store (i32.mul (local.get $i) (i32.const 8)) (i32.const 0))
          (i32.store offset=4 (i32.mul (local.get $i) (i32.const 8)) (i32.const 0x1000000))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $fill (i32.lt_u (local.get $i) (i32.const 1024))))
        (loop $again
          (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1024) (i32.const 16384)))
          (br $again))))
    (i32.const 0)))
