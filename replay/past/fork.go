package past

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
)

// fork is LOG FORK point name: a new data directory beside the server's own, which is called
// as that is, with the name behind it. So a client chooses no place of the file system, and
// all that can go wrong is that there is such a directory.
func (r *Room) fork(q *Request, words []string, out *resp.Writer) error {
	at, err := r.resolve(q, words[0])
	if err != nil {
		return err
	}
	name := words[1]
	if err := replay.CheckTag(name); err != nil || strings.Contains(name, "/") {
		return fmt.Errorf("%w: a fork is called as a tag is, without a slash: not %q", ErrUsage, name)
	}
	dir, err := filepath.Abs(r.log.Dir())
	if err != nil {
		return err
	}
	f, err := replay.Fork(dir, replay.AtOffset(at.Offset), dir+"-"+name, nil)
	if err != nil {
		return err
	}
	out.Map(2)
	out.BulkString("point")
	out.BulkString(at.String())
	out.BulkString("dir")
	out.BulkString(f.Out)
	return nil
}
