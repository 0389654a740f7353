;; Takes all the memory there is, and crashes when there is no more.
(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers")
      (param $context i32) (param $fields i32) (param $end i32) (result i32)
    (local $i i32)
    (if (i32.eq (local.get $fields) (i32.const 5))
      (then
        (loop $again
          (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))
          unreachable)))
    (i32.const 0)))
