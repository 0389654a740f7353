;; Replaces one field by 32 KiB for ever.
(module
  (import "env" "proxy_replace_header_map_value"
    (func $proxy_replace_header_map_value (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (data (i32.const 64) "x-flood")
  (func (export "proxy_on_request_headers")
      (param $context i32) (param $fields i32) (param $end i32) (result i32)
    (local $i i32)
    (if (i32.eq (local.get $fields) (i32.const 5))
      (then
        (memory.fill (i32.const 1024) (i32.const 97) (i32.const 32768))
        (loop $again
          (drop (call $proxy_replace_header_map_value
            (i32.const 0) (i32.const 64) (i32.const 7) (i32.const 1024) (i32.const 32768)))
          (br $again))))
    (i32.const 0)))
