;; Copies a passive segment again and again.
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
          (memory.init $data (i32.const 0) (i32.const 0) (i32.const 64))
          (br $again))))
    (i32.const 0))
  (data $data "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"))
