package main

import (
	"slices"
	"time"
)

// report is what came back. Latencies are microseconds from the moment
// when the request was to be sent, which is when it was unless all connections were busy, to the last
// byte received. Errors are requests whose connection the gateway closed; CPU is this program's own,
// in seconds.
type report struct {
	Requests int            `json:"requests"`
	Seconds  float64        `json:"seconds"`
	Rate     float64        `json:"rate"`
	P50      float64        `json:"p50"`
	P95      float64        `json:"p95"`
	P99      float64        `json:"p99"`
	Statuses map[string]int `json:"statuses"`
	Errors   int            `json:"errors"`
	CPU      float64        `json:"cpu"`
}

func newReport(latencies []time.Duration, statuses map[string]int, elapsed time.Duration) report {
	slices.Sort(latencies)
	return report{
		Requests: len(latencies),
		Seconds:  elapsed.Seconds(),
		Rate:     float64(len(latencies)) / elapsed.Seconds(),
		P50:      percentile(latencies, 50),
		P95:      percentile(latencies, 95),
		P99:      percentile(latencies, 99),
		Statuses: statuses,
	}
}

// percentile is the nearest rank: the smallest latency that `percent` of all do not exceed.
func percentile(sorted []time.Duration, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*percent + 99) / 100
	return float64(sorted[max(rank, 1)-1].Nanoseconds()) / 1000
}
