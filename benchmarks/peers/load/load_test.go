package main

import (
	"os"
	"testing"
	"time"
)

func TestPercentilesAreNearestRanks(t *testing.T) {
	var latencies []time.Duration
	for number := 100; number > 0; number-- {
		latencies = append(latencies, time.Duration(number)*time.Microsecond)
	}
	made := newReport(latencies, nil, 2*time.Second)
	if made.P50 != 50 || made.P95 != 95 || made.P99 != 99 || made.Rate != 50 {
		t.Errorf("got %+v", made)
	}
}

func TestNothingMeasuredIsNothing(t *testing.T) {
	if made := newReport(nil, nil, time.Second); made.P99 != 0 || made.Rate != 0 {
		t.Errorf("got %+v", made)
	}
}

func TestResponsesAreReadInAnyPieces(t *testing.T) {
	for _, whole := range []string{
		"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	} {
		for size := 1; size <= len(whole); size++ {
			var read response
			for start := 0; start < len(whole); start += size {
				end := min(start+size, len(whole))
				done, err := read.take([]byte(whole[start:end]))
				if err != nil || done != (end == len(whole)) {
					t.Fatalf("%q by %d at %d: %v, %v", whole, size, end, done, err)
				}
			}
			if read.status != whole[9:12] {
				t.Errorf("%q by %d: %q", whole, size, read.status)
			}
		}
	}
}

func TestBytesBehindAResponseAreRefused(t *testing.T) {
	var read response
	if _, err := read.take([]byte("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab")); err == nil {
		t.Error("taken")
	}
}

func TestAnOpenLoopKeepsItsRate(t *testing.T) {
	start := time.Unix(0, 0)
	made := newArrivals(1000)
	made.begin(start)
	due := made.until(start.Add(100*time.Second), nil)
	if len(due) < 99_000 || len(due) > 101_000 {
		t.Errorf("%d arrivals", len(due))
	}
}

func TestARequestHasTheFieldsAndTheBodyAskedFor(t *testing.T) {
	tokens := t.TempDir() + "/tokens"
	if err := os.WriteFile(tokens, []byte("one two"), 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := newRequests(command{Target: "/a", Tokens: tokens, Fields: 1, Body: 3})
	if err != nil {
		t.Fatal(err)
	}
	expected := "POST /a HTTP/1.1\r\nHost: api.example\r\nUser-Agent: load/1.0\r\n" +
		"Accept: application/json\r\nAccept-Encoding: gzip, br\r\n" +
		"X-Request-Id: 7f9c24e5-2b1d-4c6a-9d0e-51a7c3f8b642\r\n" +
		"X-Field-00: a value of some thirty bytes, 00\r\nContent-Length: 3\r\n" +
		"Authorization: Bearer one\r\n\r\nccc"
	if actual := string(made.take()); actual != expected {
		t.Errorf("%q", actual)
	}
}
