package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"time"

	"github.com/altilium-db/altilium/replay/session"
	"github.com/altilium-db/altilium/state/engine"
	"github.com/spf13/cobra"
)

func newRecord() *cobra.Command {
	var server *target
	cmd := &cobra.Command{
		Use:   "record NAME",
		Short: "Record what the clients of a running server do, until Ctrl-C",
		Long: `Record every command of every client of a running server, with its reply, until
Ctrl-C. The recording is written by the server, to recordings/NAME.session in its
data directory; ` + "`altilium replay`" + ` runs it again.

A client can do the same with RECORD START NAME and RECORD STOP. A recording holds
what clients sent and were answered, data included; passwords of AUTH, HELLO and
CONFIG SET are replaced by pseudonyms.`,
		Example: `  altilium record checkout-bug
  altilium replay altilium-data/recordings/checkout-bug.session`,
		Args: wantArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := server.dial(cmd.Context())
			if err != nil {
				return err
			}
			defer c.conn.Close()
			if _, err := c.must("RECORD", "START", args[0]); err != nil {
				return err
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "recording; Ctrl-C stops")
			return stopRecording(cmd, c, args[0])
		},
	}
	server = targetFlags(cmd)
	return cmd
}

// stopRecording waits for Ctrl-C, or for the recording to be stopped by
// somebody else, and says how it ended.
func stopRecording(cmd *cobra.Command, c *client, name string) error {
	ctx, stop := untilInterrupted(cmd)
	defer stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			v, err := c.must("RECORD", "STOP")
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s recorded, into recordings/%s.session of the server's directory\n", count(v.Int, "step"), name)
			}
			return err
		case <-tick.C:
			v, err := c.must("RECORD", "STATUS") // which is not recorded itself
			if err != nil {
				return err
			}
			if len(v.Items) < 4 || v.Items[3].Text() != name {
				fmt.Fprintln(cmd.ErrOrStderr(), "somebody else has stopped the recording")
				return nil
			}
		}
	}
}

var recordingName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// record opens a recording for the engine.
func (d *daemon) record(name string, offset uint64, settings map[string]string) (engine.Recorder, error) {
	if !recordingName.MatchString(name) || name[0] == '.' {
		return nil, errors.New("a recording's name has letters, digits, '.', '_' and '-', at most 100 of them, and begins with no '.'")
	}
	path := filepath.Join(d.dir, "recordings", name+".session")
	w, err := session.Create(path, session.Header{
		Name: name, LogID: d.log.ID().String(), Offset: offset, Started: time.Now().UnixMicro(),
		Server: version, Settings: settings,
	})
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("there is a recording named %s already", name)
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}
