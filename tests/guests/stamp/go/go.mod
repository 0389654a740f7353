module wasmgate.example/stamp

go 1.24
