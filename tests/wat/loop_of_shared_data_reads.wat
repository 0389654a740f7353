;; Reads a value of 8 MiB for ever and has no memory for it.
(module
  (import "env" "proxy_set_shared_data"
    (func $proxy_set_shared_data (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_shared_data"
    (func $proxy_get_shared_data (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 256)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 0))
  (func (export "proxy_on_request_headers")
      (param $context i32) (param $fields i32) (param $end i32) (result i32)
    (local $i i32)
    (if (i32.eq (local.get $fields) (i32.const 5))
      (then
        (drop (call $proxy_set_shared_data
          (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 0x800000) (i32.const 0)))
        (loop $again
          (drop (call $proxy_get_shared_data
            (i32.const 64) (i32.const 4) (i32.const 16) (i32.const 20) (i32.const 24)))
          (br $again))))
    (i32.const 0)))
