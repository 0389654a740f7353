;; Pauses at the head of every response and never lets it go on: the route's time ends the wait.
(module
 (memory (export "memory") 1)
 (func (export "proxy_abi_version_0_2_1"))
 (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
 (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (i32.const 1)))
