module wasmgate.example/plan_lookup

go 1.24
