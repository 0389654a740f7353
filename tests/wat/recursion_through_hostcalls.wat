;; The allocator, which a hostcall runs, calls itself until the stack is used up.
(module
  (import "env" "proxy_get_header_map_pairs"
    (func $proxy_get_header_map_pairs (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func $allocate (export "proxy_on_memory_allocate") (param i32) (result i32)
    (i32.add (i32.const 1) (call $allocate (i32.add (local.get 0) (i32.const 1)))))
  (func (export "proxy_on_request_headers")
      (param $context i32) (param $fields i32) (param $end i32) (result i32)
    (local $i i32)
    (if (i32.eq (local.get $fields) (i32.const 5))
      (then
        (drop (call $proxy_get_header_map_pairs (i32.const 0) (i32.const 16) (i32.const 20)))))
    (i32.const 0)))
