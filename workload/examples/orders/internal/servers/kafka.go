// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package servers

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kafka returns brokers and an empty topic with 3 partitions: of the brokers that KAFKA_BROKERS names (host:port, separated by
// commas), or of one in this process, which also returns itself.
func Kafka(t *testing.T) (brokers []string, topic string, inProcess *kfake.Cluster) {
	t.Helper()
	if named := os.Getenv("KAFKA_BROKERS"); named != "" {
		brokers = strings.Split(named, ",")
	} else {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		brokers, inProcess = cluster.ListenAddrs(), cluster
	}
	topic = "orders-test-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: topic, NumPartitions: 3, ReplicationFactor: -1}}
	response, err := request.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(response.Topics[0].ErrorCode); err != nil {
		t.Fatal(err)
	}
	return brokers, topic, inProcess
}

// Refusal is how a broker refuses all records of a request for good.
func Refusal(request kmsg.Request) kmsg.Response {
	produce := request.(*kmsg.ProduceRequest)
	response := produce.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range produce.Topics {
		refused := kmsg.NewProduceResponseTopic()
		refused.Topic, refused.TopicID = topic.Topic, topic.TopicID
		for _, partition := range topic.Partitions {
			one := kmsg.NewProduceResponseTopicPartition()
			one.Partition, one.ErrorCode = partition.Partition, kerr.MessageTooLarge.Code
			refused.Partitions = append(refused.Partitions, one)
		}
		response.Topics = append(response.Topics, refused)
	}
	return response
}
