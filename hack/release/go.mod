module goservice.dev/operator/hack/release

go 1.26.0

require (
	github.com/moby/patternmatcher v0.6.1
	golang.org/x/mod v0.42.0
)
