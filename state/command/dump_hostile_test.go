package command_test

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/command/rdb"
)

// dumpedBodies is those of package rdb, of every type, and of samples of all types.
func dumpedBodies(t *testing.T) (all [][]byte) {
	raw, err := os.ReadFile("rdb/testdata/bytes.txt")
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(raw)) {
		text, _, _ := strings.Cut(line, "#")
		switch text = strings.TrimSpace(text); {
		case strings.HasPrefix(text, "decode"):
			digits.Reset()
		case text == "----":
			body, err := hex.DecodeString(digits.String())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, body)
		default:
			digits.WriteString(strings.ReplaceAll(text, " ", ""))
		}
	}
	for _, s := range samples() {
		w := newWorld()
		w.make(t, s)
		if body, err := rdb.Open(w.dump(t)); err == nil && len(body) < 400 {
			all = append(all, body)
		}
	}
	return all
}

// TestEveryBitOfADump flips each bit of dumps of every type, gives the footer that belongs
// to that, and restores: there is an error, or a value that is dumped and restored again
// as the same.
func TestEveryBitOfADump(t *testing.T) {
	w, again := newWorld(), newWorld()
	flips, values := 0, 0
	for _, body := range dumpedBodies(t) {
		step := 1
		if len(body) > 60 {
			step = 7
		}
		for bit := 0; bit < 8*len(body); bit += step {
			p := bytes.Clone(body)
			p[bit/8] ^= 1 << (bit % 8)
			flips++
			reply := w.must(t, restoreArgs(rdb.Seal(p))...)
			if reply.IsError() {
				if reply.Text() != "ERR Bad data format" {
					t.Errorf("% x\nbit %d is flipped: %s", body, bit, reply)
				}
				continue
			}
			values++
			payload := w.dump(t)
			if reply := again.must(t, restoreArgs(payload)...); reply.Text() != "OK" {
				t.Fatalf("% x\nbit %d is flipped, what that gives is dumped as\n% x\n%s", body, bit, payload, reply)
			}
			if w.st.RedisDigest() != again.st.RedisDigest() || !bytes.Equal(again.dump(t), payload) {
				t.Fatalf("% x\nbit %d is flipped, what that gives is another value after DUMP and RESTORE:\n% x", body, bit, payload)
			}
		}
	}
	t.Logf("%d flipped bits, %d values", flips, values)
}

func restoreArgs(payload []byte) [][]byte {
	return [][]byte{[]byte("RESTORE"), []byte("k"), []byte("0"), payload, []byte("REPLACE")}
}

// TestDamagedDumpsAgainstRedis restores damaged dumps here and in redis-server: both take
// the same as the same, but for what the documentation of package rdb lists.
func TestDamagedDumpsAgainstRedis(t *testing.T) {
	redis := startRedis(t)
	redis.must(t, "CONFIG SET sanitize-dump-payload yes")
	redis.must(t, "FLUSHALL")
	rnd := rand.New(rand.NewPCG(1, 3))
	bodies := dumpedBodies(t)
	w := newWorld()
	taken, stricter := 0, map[byte]int{}
	const tries = 40_000
	for range tries {
		body := bytes.Clone(bodies[rnd.IntN(len(bodies))])
		if body[0] > 19 {
			continue // 7.0 does not know these
		}
		if damage(rnd, body); body[0] > 19 {
			continue
		}
		payload := rdb.Seal(body)
		ours, theirs := w.must(t, restoreArgs(payload)...), redis.do(t, restoreArgs(payload)...)
		switch {
		case ours.Text() == theirs.Text() && !ours.IsError():
			taken++
			redis.compareContent(t, w, hex.EncodeToString(body))
		case ours.Text() == theirs.Text():
		case theirs.IsError() || !mayRefuse(payload):
			t.Fatalf("% x\nours:  %s (%v)\nredis: %s", body, ours, rdb.Decode(body, sink{}), theirs)
		default:
			stricter[body[0]]++
		}
		if ours.IsError() {
			w.must(t, []byte("DEL"), []byte("k"))
			redis.must(t, "DEL k")
		}
	}
	t.Logf("%d damaged dumps, of which both take %d, and Redis alone, by type: %v", tries, taken, stricter)
}

// damage changes one to three bytes of a body, or cuts it.
func damage(rnd *rand.Rand, body []byte) {
	for range 1 + rnd.IntN(3) {
		i := rnd.IntN(len(body))
		switch rnd.IntN(3) {
		case 0:
			body[i] ^= 1 << rnd.IntN(8)
		case 1:
			body[i] = byte(rnd.Uint32())
		default:
			body[i] += byte(1 - 2*rnd.IntN(2))
		}
	}
}

// mayRefuse reports whether we are right to refuse what Redis takes: because it runs into
// the footer, or makes no sense.
func mayRefuse(payload []byte) bool {
	err := rdb.Decode(payload, sink{}) // with the footer
	return err == nil || slices.ContainsFunc([]string{
		"a score is no number", "a compressed string is empty", "does not come after", "no fields", "above its last id",
		"a stream has another number of entries", "pending twice", "less than nothing", "no such length",
	}, func(why string) bool { return strings.Contains(err.Error(), why) })
}

// sink takes everything.
type sink struct{}

func (sink) String([]byte) error          { return nil }
func (sink) Element([]byte) error         { return nil }
func (sink) Member([]byte) error          { return nil }
func (sink) Scored([]byte, float64) error { return nil }
func (sink) Pair([]byte, []byte) error    { return nil }
func (sink) Entry(rdb.ID, [][]byte) error { return nil }
func (sink) Stream(*rdb.Stream) error     { return nil }
