// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// callSamples are the bodies of hostcalls.go; the tests of host_test.go go over them as well.
func callSamples() []message {
	id := key.ID{1, 2, 3}
	record := Record{"r/x", []byte("v"), 7}
	meta := &Meta{Partition: id, Object: id, Class: key.ClassPrivate, KeyType: key.TypeEC, Label: []byte("a"), ID: []byte{9},
		Group: key.GroupKeys, Deleted: true, Created: 77}
	return []message{
		&LoadRequest{"p/1"},
		&ListRequest{"r/", "r/1", 9},
		&ListReply{[]Record{record, {"r/y", []byte{}, 8}}, true},
		&FindRequest{Query{Partition: id, Label: []byte("l")}, id, 5},
		&FindReply{[]key.ID{id, {4}}, true},
		&CommitReply{12},
		&RootRequest{RootPut, "file", []byte("sealed")},
		&RootReply{[]byte("sealed")},
		&LogLine{LogWarn, 77, "record refused"},
		&DescribeRequest{true, []Record{record}},
		&DescribeReply{[]Described{{fault.OK, meta}, {fault.RecordOld, nil}, {}}},
		&FindNamesRequest{id, key.GroupKeys, true, []byte("n"), []byte("a"), 5, id, 9},
		&FindNamesReply{[]NameHit{{id, []byte("n"), 5}, {id, []byte("o"), 6}}, true},
		&ChangedRequest{[]string{"a", "b"}},
		&BackupRequest{BackupChunk, id, 9, 3, true, []Record{record}, []byte("sealed")},
		&BackupReply{id, id, []byte("sealed"), []Record{record}, []Undone{{UndoneChange, KindOperator, id, key.ID{4}, []byte("user")}}},
		&BackupHead{id, id, key.ID{5}, id, 9, 77, 3, 1, Hash{6}, []HeadCounter{{id, 8}}, "genbu 0.1", []byte("mark")},
		&Metrics{[]MetricCount{{1, 0x32, "ECDSA", fault.OK, 9}}, []MetricTime{{Door: 1, Call: 0x32, Sum: 5, Slowest: 3, Request: 2}},
			[]MetricGauge{{"channels", -1}}},
		&CertificateRequest{[]byte("spki"), []string{"a.example"}, [][]byte{{127, 0, 0, 1}}},
		&CertificateReply{[]byte("leaf"), []byte("ca"), 9},
		&JoinRequest{id, id, []byte("tls"), []byte("kem"), "a:1", "https://a:2", "peers", []byte("request")},
		&JoinReply{JoinAdmitted, "b", 1, 2, []byte("root"), []byte("ca"), []byte("cert"), []byte("c"), []byte("reply"), "i", []ClusterMember{{id, "a", "a:1", "https://a:2"}}},
		&EnrolRequest{id, []byte("tls")},
		&EnrolReply{id, "web", []byte("cert"), []ClusterMember{{id, "a", "a:1", "https://a:2"}}},
		&ProofRequest{id, []byte("sig")},
		&UnlockReply{[]byte("root"), []ClusterMember{{id, "a", "a:1", "https://a:2"}}},
		&RenewReply{[]byte("cert"), []ClusterMember{{id, "a", "a:1", "https://a:2"}}},
		&NodeAddress{"a:1", "https://a:2"},
		&DialRequest{id, "a:1"},
		&MemberRequest{MemberAdd, id, "a", "https://a:2"},
		&MemberReply{"a=https://a:2"},
		&JoinedRequest{"b", "a=https://a:2", []ClusterMember{{id, "a", "a:1", "https://a:2"}}, []byte("reply")},
	}
}
