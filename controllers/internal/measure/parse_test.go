// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/tuner"
)

func TestParseReadsWhatTheWorkloadServes(t *testing.T) {
	file, err := os.Open("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got, err := formats[v1alpha1.IndicatorsToolkit].parse(file)
	if err != nil {
		t.Fatal(err)
	}
	want := tuner.Counters{
		Requests: 40, DurationSeconds: 0.051176753 + 0.001098162, Served: 20, ServiceSeconds: 0.050820854,
		Unmatched: 20, CPUSeconds: 0.06, StartSeconds: got.StartSeconds, Workers: 64, MostWorkers: 4096, Processors: 2, GOGC: 100, Bucketed: true,
	}
	if diff := cmp.Diff(want, got.Counters, cmpopts.IgnoreFields(tuner.Counters{}, "Buckets"), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(HandOff{Moved: 9, Failed: 3, HopSeconds: 0.000312, Peers: new(3.0)}, got.HandOff); diff != "" {
		t.Errorf("of the shared queue (-want +got):\n%s", diff)
	}
	if got.StartSeconds == 0 {
		t.Error("no start time")
	}
	last := got.Buckets[len(got.Buckets)-1]
	if last.Count != 40 || !math.IsInf(last.UpperBound, 1) {
		t.Errorf("last bucket is %+v, want all 40 requests below infinity", last)
	}
	if i := slices.IndexFunc(got.Buckets, func(b tuner.Bucket) bool { return b.UpperBound == 0.06 }); i < 0 || got.Buckets[i].Count != 40 {
		t.Errorf("of 40 requests within the threshold, the buckets are %v", got.Buckets)
	}
}

func TestParseTellsKindsOfAnswersApart(t *testing.T) {
	const page = `# HELP x y
goservice_service_seconds_sum 3
goservice_service_seconds_count 30
goservice_requests_rejected_total{reason="rate_limit"} 5
goservice_requests_rejected_total{reason="queue full"} 7
goservice_hand_off_requests_total{reason="no_room",result="broken"} 1
goservice_hand_off_requests_total{reason="no_room",result="declined"} 32
goservice_hand_off_requests_total{reason="no_room",result="moved"} 2
goservice_hand_off_requests_total{reason="no_room",result="returned"} 4
goservice_hand_off_requests_total{reason="waiting",result="moved"} 8
goservice_hand_off_taken_total 64
http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="200",http_route="/a b{c}",le="0.1"} 20
http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="200",http_route="/a b{c}",le="+Inf"} 30
http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/a b{c}"} 30
http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="429",http_route="/a",le="0.1"} 5
http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="429",http_route="/a",le="+Inf"} 5
http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="429",http_route="/a"} 5
http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="503",http_route="/a",le="0.1"} 7
http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="503",http_route="/a",le="+Inf"} 7
http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="503",http_route="/a"} 7
http_server_request_duration_seconds_bucket{http_request_method="POST",http_response_status_code="201",http_route="/a",le="0.1"} 1
http_server_request_duration_seconds_bucket{http_request_method="POST",http_response_status_code="201",http_route="/a",le="+Inf"} 2
http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="201",http_route="/a"} 2
process_cpu_seconds_total 1.5e+1
`
	got, err := formats[v1alpha1.IndicatorsToolkit].parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	want := tuner.Counters{
		Requests: 44, Failed: 7, RateLimited: 5, Rejected: 12, Refused: 5, Served: 30, ServiceSeconds: 3, CPUSeconds: 15,
		Bucketed: true, Buckets: []tuner.Bucket{{UpperBound: 0.1, Count: 21}, {UpperBound: math.Inf(1), Count: 32}},
	}
	if diff := cmp.Diff(want, got.Counters); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
	if want := (HandOff{Moved: 10, Failed: 5}); got.HandOff != want {
		t.Errorf("hand-off %+v, want %+v", got.HandOff, want)
	}
}

// histogram writes a series of request durations with the bounds given.
func histogram(route string, bounds ...string) string {
	var page strings.Builder
	for i, bound := range bounds {
		fmt.Fprintf(&page, "http_server_request_duration_seconds_bucket{http_route=%q,le=%q} %d\n", route, bound, i)
	}
	return page.String()
}

// manyBounds rise from 1, the last one is infinite.
func manyBounds(n int) []string {
	bounds := make([]string, n)
	for i := range bounds {
		bounds[i] = fmt.Sprint(i + 1)
	}
	bounds[n-1] = "+Inf"
	return bounds
}

func TestParseRefuses(t *testing.T) {
	var manySeries strings.Builder
	for i := range maxSeries + 1 {
		manySeries.WriteString(histogram(fmt.Sprint(i), "1", "+Inf"))
	}
	for name, c := range map[string]struct{ page, want string }{
		"a foreign page":         {"go_goroutines 7\n", "built on the toolkit"},
		"an empty page":          {"", "built on the toolkit"},
		"not a number":           {"goservice_pool_busy many\n", `"many" is not a number`},
		"a long text":            {"goservice_pool_busy " + strings.Repeat("x", 60000) + "\n", "xx…"},
		"an open bound":          {`http_server_request_duration_seconds_bucket{le="0.1} 1` + "\n", "does not end"},
		"a missing bound":        {"http_server_request_duration_seconds_bucket 1\n", "without a bound"},
		"a bound that is none":   {histogram("/", "\x1b[31m"), "is not a number"},
		"a long bound":           {histogram("/", strings.Repeat("1", 50000)), "is not a number"},
		"too many buckets":       {histogram("/", manyBounds(maxBuckets+1)...), "more than 64 buckets"},
		"bounds that fall":       {histogram("/", "2", "1", "+Inf"), "do not increase"},
		"bounds that stay":       {histogram("/", "1", "1", "+Inf"), "do not increase"},
		"a bound of NaN":         {histogram("/", "NaN", "+Inf"), "do not increase"},
		"no last bucket":         {"goservice_service_seconds_count 1\n" + histogram("/", "1", "2"), "the last bucket's bound is not +Inf"},
		"other buckets":          {histogram("/a", "1", "+Inf") + histogram("/b", "2", "+Inf"), "different buckets"},
		"more buckets":           {histogram("/a", "1", "+Inf") + histogram("/b", "1", "2", "+Inf"), "different buckets"},
		"fewer buckets":          {"goservice_service_seconds_count 1\n" + histogram("/a", "1", "2", "+Inf") + histogram("/b", "1"), "different buckets"},
		"too many series":        {manySeries.String(), "more than 2000 series"},
		"an infinite sum":        {"goservice_service_seconds_sum +Inf\n", "neither a count nor a size"},
		"a count that is none":   {"goservice_service_seconds_count NaN\n", "neither a count nor a size"},
		"a negative count":       {`goservice_requests_rejected_total{reason="x"} -1` + "\n", "neither a count nor a size"},
		"a count out of reach":   {"process_cpu_seconds_total 1e300\n", "neither a count nor a size"},
		"an infinite bucket":     {`http_server_request_duration_seconds_bucket{le="1"} +Inf` + "\n", "neither a count nor a size"},
		"an infinite duration":   {"http_server_request_duration_seconds_sum{} Inf\n", "neither a count nor a size"},
		"a number beyond floats": {"goservice_pool_busy 1e999\n", "is not a number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := formats[v1alpha1.IndicatorsToolkit].parse(strings.NewReader(c.page))
			if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 300 {
				t.Errorf("error is %v, want %q in a short one", err, c.want)
			}
		})
	}
}

func TestParseTakesWhatIsWithinTheBounds(t *testing.T) {
	bounds := manyBounds(maxBuckets)
	page := "goservice_service_seconds_count 1\n" + histogram("/a", bounds...) + histogram("/b", bounds...)
	got, err := formats[v1alpha1.IndicatorsToolkit].parse(strings.NewReader(page))
	if err != nil || len(got.Buckets) != maxBuckets || got.Buckets[maxBuckets-1].Count != 2*(maxBuckets-1) {
		t.Errorf("%d buckets, error %v", len(got.Buckets), err)
	}
}

func TestParseSkipsLongLines(t *testing.T) {
	page := "# " + strings.Repeat("x", 3*maxLine) + "\ngoservice_service_seconds_count 4\n"
	got, err := formats[v1alpha1.IndicatorsToolkit].parse(strings.NewReader(page))
	if err != nil || got.Served != 4 {
		t.Errorf("served %v, error %v", got.Served, err)
	}
}

// Every preset reads what its libraries write, and nothing of other metrics that are named alike.
func TestPresetsReadWhatLibrariesWrite(t *testing.T) {
	histogram := func(name, labels string, quick, all int) string {
		return fmt.Sprintf("%[1]s_bucket{%[2]s,le=\"0.1\"} %[3]d\n%[1]s_bucket{%[2]s,le=\"+Inf\"} %[4]d\n%[1]s_sum{%[2]s} 2\n%[1]s_count{%[2]s} %[4]d\n", name, labels, quick, all)
	}
	const promhttp = "http_request_duration_seconds"
	for name, c := range map[string]struct {
		preset                    v1alpha1.IndicatorsPreset
		page                      string
		requests, failed, limited float64
		quick, counted            float64
	}{
		"OpenTelemetry": {
			v1alpha1.IndicatorsOpenTelemetry,
			histogram("http_server_request_duration_seconds", `http_request_method="GET",http_response_status_code="200"`, 8, 10) +
				histogram("http_server_request_duration_seconds", `http_request_method="GET",http_response_status_code="404"`, 1, 1) +
				histogram("http_server_request_body_size_bytes", `http_response_status_code="500"`, 7, 7),
			11, 0, 0, 9, 11,
		},
		"promhttp, by code": {
			v1alpha1.IndicatorsPrometheus, histogram(promhttp, `code="200",method="get"`, 8, 10) + histogram(promhttp, `code="503",method="get"`, 2, 2), 12, 2, 0, 8, 10,
		},
		"by status": {
			v1alpha1.IndicatorsPrometheus, histogram(promhttp, `method="get",status="200"`, 8, 10) + histogram(promhttp, `method="get",status="429"`, 2, 2), 12, 0, 2, 8, 10,
		},
		"a label that ends alike": {
			v1alpha1.IndicatorsPrometheus, histogram(promhttp, `exit_code="500",path="/a,code=\\"500\\"",code="200"`, 8, 10), 10, 0, 0, 8, 10,
		},
		"a name that goes on": {
			v1alpha1.IndicatorsPrometheus, histogram(promhttp, `code="200"`, 8, 10) + promhttp + "_count_total{code=\"500\"} 9\n", 10, 0, 0, 8, 10,
		},
		"gRPC, the first of two histograms": {
			v1alpha1.IndicatorsGRPC,
			histogram("rpc_server_duration_milliseconds", `rpc_grpc_status_code="13"`, 3, 3) +
				histogram("grpc_server_call_duration_seconds", `grpc_status="OK"`, 8, 10) +
				histogram("rpc_server_duration_milliseconds", `rpc_grpc_status_code="0"`, 3, 3),
			10, 0, 0, 8, 10,
		},
		"what probes ask": {
			v1alpha1.IndicatorsGRPC,
			histogram("rpc_server_call_duration_seconds", `rpc_method="grpc.health.v1.Health/Watch",rpc_response_status_code="OK"`, 0, 9) +
				histogram("rpc_server_call_duration_seconds", `rpc_method="shop.Orders/Place",rpc_response_status_code="OK"`, 8, 10), 10, 0, 0, 8, 10,
		},
		"a counter of a middleware beside another's histogram": {
			v1alpha1.IndicatorsGRPC,
			`grpc_server_handled_total{grpc_code="Internal"} 7` + "\n" + histogram("rpc_server_call_duration_seconds", `rpc_response_status_code="OK"`, 8, 10), 10, 0, 0, 8, 10,
		},
		// Its histogram has no code, and its counter no duration.
		"go-grpc-middleware": {
			v1alpha1.IndicatorsGRPC,
			`grpc_server_handled_total{grpc_code="OK",grpc_type="unary"} 7` + "\n" + `grpc_server_handled_total{grpc_code="Internal",grpc_type="unary"} 2` + "\n" +
				`grpc_server_handled_total{grpc_code="ResourceExhausted",grpc_type="unary"} 1` + "\n" + `grpc_server_handled_total{grpc_code="OK",grpc_type="bidi_stream"} 5` + "\n" +
				histogram("grpc_server_handling_seconds", `grpc_type="unary"`, 8, 10) + histogram("grpc_server_handling_seconds", `grpc_type="bidi_stream"`, 0, 5),
			15, 2, 1, 8, 10,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := formats[c.preset].parse(strings.NewReader(c.page))
			if err != nil {
				t.Fatal(err)
			}
			if got.Requests != c.requests || got.Failed != c.failed || got.RateLimited != c.limited {
				t.Errorf("%v requests, %v failed, %v limited; want %v, %v, %v", got.Requests, got.Failed, got.RateLimited, c.requests, c.failed, c.limited)
			}
			if len(got.Buckets) != 2 || got.Buckets[0] != (tuner.Bucket{UpperBound: 0.1, Count: c.quick}) || got.Buckets[1].Count != c.counted {
				t.Errorf("buckets %v, want %v and %v", got.Buckets, c.quick, c.counted)
			}
		})
	}
}

// Libraries begin a histogram with the first request: until then there were none.
func TestAPodWithoutRequests(t *testing.T) {
	const process = "process_cpu_seconds_total 0.25\nprocess_start_time_seconds 1.7e9\n"
	for name, c := range map[string]struct {
		preset v1alpha1.IndicatorsPreset
		page   string
		want   string // error
	}{
		"none yet":              {v1alpha1.IndicatorsOpenTelemetry, process, ""},
		"of another preset":     {v1alpha1.IndicatorsOpenTelemetry, process + "http_request_duration_seconds_count{code=\"200\"} 1\n", "indicators: Prometheus reads"},
		"no metrics at all":     {v1alpha1.IndicatorsOpenTelemetry, "<html>\n", "serves no http_server_request_duration_seconds"},
		"not what it should be": {v1alpha1.IndicatorsToolkit, process, "is the image built on the toolkit?"},
	} {
		got, err := formats[c.preset].parse(strings.NewReader(c.page))
		if c.want == "" && (err != nil || got.Requests != 0 || got.CPUSeconds != 0.25) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	// A counter alone knows nothing of durations.
	got, err := formats[v1alpha1.IndicatorsGRPC].parse(strings.NewReader(`grpc_server_handled_total{grpc_code="OK"} 7` + "\n"))
	if err != nil || got.Requests != 7 || len(got.Buckets) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// What users write as an expression meets values that pods write: only short ones, and not too many.
func TestExpressionsMeetShortValues(t *testing.T) {
	match, expressive := matching("(a|aa)*b")
	if !expressive || !match([]byte("aab")) || match([]byte(strings.Repeat("a", maxResult)+"b")) {
		t.Error("only short values are matched")
	}
	spec := specOf(v1alpha1.IndicatorsCustom)
	spec.Observability.Metrics.Custom = &v1alpha1.CustomIndicators{Histogram: "a", ResultLabel: "result", Failed: "x.*"}
	page := func(results, series int) string {
		var text strings.Builder
		for i := range series {
			fmt.Fprintf(&text, "a_count{result=\"x%d\",path=\"%d\"} 1\n", i%results, i)
		}
		return text.String()
	}
	format := formatOf(spec)
	if got, err := format.parse(strings.NewReader(page(maxResults, 5000))); err != nil || got.Failed != 5000 {
		t.Errorf("%v failed, error %v", got.Failed, err)
	}
	if _, err := format.parse(strings.NewReader(page(maxResults+1, 5000))); err == nil || !strings.Contains(err.Error(), "different results") {
		t.Errorf("error %v", err)
	}
}

// go-grpc-middleware begins with a series for each code of each method.
func TestManyMethodsAreMeasured(t *testing.T) {
	var page strings.Builder
	for method := range 500 {
		for _, code := range []string{"OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "Internal", "Unavailable"} {
			fmt.Fprintf(&page, "grpc_server_handled_total{grpc_code=%q,grpc_method=\"M%d\",grpc_service=\"shop.Orders\",grpc_type=\"unary\"} %d\n", code, method, len(code)%2)
		}
	}
	got, err := formats[v1alpha1.IndicatorsGRPC].parse(strings.NewReader(page.String()))
	if err != nil || got.Requests != 500*3 || got.Failed != 500*2 {
		t.Errorf("%+v, %v", got, err)
	}
	probes := `grpc_server_handled_total{grpc_code="OK",grpc_service="grpc.health.v1.Health",grpc_type="unary"} 9` + "\n" + "http_request_duration_seconds_count{code=\"200\"} 1\n"
	if got, err := formats[v1alpha1.IndicatorsGRPC].parse(strings.NewReader(probes)); err != nil || got.Requests != 0 {
		t.Errorf("only probes: %+v, %v", got, err)
	}
}

func TestCustomIndicators(t *testing.T) {
	spec := specOf(v1alpha1.IndicatorsCustom)
	spec.Observability.Metrics.Custom = &v1alpha1.CustomIndicators{
		Histogram: "ledger_rpc_duration", Unit: v1alpha1.UnitMilliseconds, ResultLabel: "outcome", Failed: "err.*|timeout", Ignored: "throttled",
	}
	page := ""
	for outcome, count := range map[string]int{"ok": 10, "error": 2, "err2": 1, "timeout": 1, "throttled": 5, "not an error": 3} {
		page += fmt.Sprintf("ledger_rpc_duration_bucket{outcome=%[1]q,le=\"250\"} %[2]d\nledger_rpc_duration_bucket{outcome=%[1]q,le=\"+Inf\"} %[2]d\n"+
			"ledger_rpc_duration_sum{outcome=%[1]q} 1000\nledger_rpc_duration_count{outcome=%[1]q} %[2]d\n", outcome, count)
	}
	got, err := formatOf(spec).parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	if got.Requests != 22 || got.Failed != 4 || got.RateLimited != 5 || got.DurationSeconds != 6 || got.Buckets[0] != (tuner.Bucket{UpperBound: 0.25, Count: 13}) {
		t.Errorf("%+v", got)
	}
}

// A page of other metrics says which preset reads it.
func TestAPageOfOtherMetricsSuggestsAPreset(t *testing.T) {
	for name, c := range map[string]struct {
		preset     v1alpha1.IndicatorsPreset
		page, want string
	}{
		"OpenTelemetry":          {v1alpha1.IndicatorsToolkit, `http_server_request_duration_seconds_count{http_response_status_code="200"} 1`, "indicators: OpenTelemetry"},
		"promhttp":               {v1alpha1.IndicatorsToolkit, `http_request_duration_seconds_count{code="200"} 1`, "indicators: Prometheus"},
		"gRPC, wrongly declared": {v1alpha1.IndicatorsPrometheus, `grpc_server_handling_seconds_count{grpc_code="OK"} 1`, "indicators: GRPC"},
		"nothing known":          {v1alpha1.IndicatorsToolkit, `up_and_running 1`, "built on the toolkit?"},
		"no request yet":         {v1alpha1.IndicatorsPrometheus, `go_goroutines 7`, "serves no http_request_duration_seconds, which begins with its first request"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := formats[c.preset].parse(strings.NewReader(c.page + "\n")); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	page, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(page)
	f.Add([]byte("http_server_request_duration_seconds_bucket{le=\"\"} \n"))
	f.Add([]byte("goservice_service_seconds_count 1\n" + histogram("/a", "1", "+Inf") + histogram("/b", "1", "+Inf")))
	f.Fuzz(func(t *testing.T, page []byte) {
		counters, err := formats[v1alpha1.IndicatorsToolkit].parse(bytes.NewReader(page))
		if err != nil {
			return
		}
		if len(counters.Buckets) > maxBuckets {
			t.Errorf("%d buckets", len(counters.Buckets))
		}
		for i := range plain {
			if value := *plain[i].field(&counters); !(value >= 0 && value <= maxValue) {
				t.Errorf("%sis %v", plain[i].name, value)
			}
		}
	})
}

// BenchmarkParse reads one page of the bundled workload; 100 services of 5 pods every 2 seconds make 250 a second.
func BenchmarkParse(b *testing.B) {
	page, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	reader := bytes.NewReader(page)
	for b.Loop() {
		reader.Reset(page)
		if _, err := formats[v1alpha1.IndicatorsToolkit].parse(reader); err != nil {
			b.Fatal(err)
		}
	}
}
