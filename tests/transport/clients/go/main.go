// The client of client.py with google.golang.org/grpc: transport-client ADDRESS.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"log"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	api "grpc_os/client/api"
)

const piece = 1 << 20

func must(err error) {
	if err != nil {
		log.Output(2, err.Error())
		os.Exit(1)
	}
}

func check(holds bool, what string) {
	if !holds {
		log.Output(2, what)
		os.Exit(1)
	}
}

type client struct {
	auth   api.AuthServiceClient
	events api.EventServiceClient
	files  api.FilesystemServiceClient
	token  string
}

// Of a call that is logged in.
func (c *client) context(timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+c.token)
	return context.WithTimeout(ctx, timeout)
}

func (c *client) whoAmI() {
	ctx, cancel := c.context(30 * time.Second)
	defer cancel()
	answer, err := c.auth.WhoAmI(ctx, &api.WhoAmIRequest{})
	must(err)
	check(answer.Identity.User == "admin", "another user")
}

// The stream, once it is synced, and what came before.
func (c *client) watch(ctx context.Context) (grpc.ServerStreamingClient[api.WatchResponse], []*api.Event) {
	stream, err := c.events.Watch(ctx, &api.WatchRequest{Kinds: []string{"user", "role"}})
	must(err)
	var events []*api.Event
	for {
		message, err := stream.Recv()
		must(err)
		events = append(events, message.Events...)
		if message.Synced {
			return stream, events
		}
	}
}

func (c *client) upload(name string, data []byte) {
	ctx, cancel := c.context(60 * time.Second)
	defer cancel()
	size := int64(len(data))
	upload, err := c.files.StartUpload(ctx, &api.StartUploadRequest{Object: &api.Object{Name: name}, SizeBytes: proto.Int64(size)})
	must(err)
	stream, err := c.files.WriteUpload(ctx)
	must(err)
	for at := 0; at < len(data); at += piece {
		part := data[at:min(at+piece, len(data))]
		sum := crc32.Checksum(part, crc32.MakeTable(crc32.Castagnoli))
		must(stream.Send(&api.WriteUploadRequest{UploadId: upload.UploadId, Offset: int64(at), Data: part, Crc32C: sum}))
	}
	written, err := stream.CloseAndRecv()
	must(err)
	check(written.PersistedBytes == size, "not all was written")
	sum := sha256.Sum256(data)
	made, err := c.files.FinishUpload(ctx, &api.FinishUploadRequest{
		UploadId: upload.UploadId, SizeBytes: proto.Int64(size), Sha256: hex.EncodeToString(sum[:])})
	must(err)
	check(made.Name == name, "another name")
}

func main() {
	log.SetFlags(log.Lshortfile)
	security := insecure.NewCredentials()
	var err error
	if ca := os.Getenv("TLS_CA"); ca != "" {
		security, err = credentials.NewClientTLSFromFile(ca, "")
		must(err)
	}
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(security))
	must(err)
	c := &client{api.NewAuthServiceClient(connection), api.NewEventServiceClient(connection), api.NewFilesystemServiceClient(connection), ""}
	login, err := c.auth.Login(context.Background(), &api.LoginRequest{User: "admin", Password: os.Getenv("ADMIN_PASSWORD")})
	must(err)
	c.token = login.AccessToken
	fmt.Println("logged in")
	c.whoAmI()
	fmt.Println("unary")

	ctx, cancel := c.context(30 * time.Second)
	stream, events := c.watch(ctx)
	found := false
	for _, event := range events {
		found = found || (event.Action == "snapshot" && event.Name == "admin")
	}
	check(found, "no snapshot of admin")
	fmt.Println("watch")
	cancel()
	_, err = stream.Recv()
	check(status.Code(err) == codes.Canceled, fmt.Sprint(err))
	c.whoAmI()
	fmt.Println("cancel")
	ctx, cancel = c.context(time.Second)
	defer cancel()
	stream, _ = c.watch(ctx)
	_, err = stream.Recv()
	check(status.Code(err) == codes.DeadlineExceeded, fmt.Sprint(err))
	fmt.Println("deadline")

	data := make([]byte, 4*piece+12345)
	_, err = rand.Read(data)
	must(err)
	c.upload(fmt.Sprintf("/upload-%d", os.Getpid()), data)
	fmt.Println("upload")

	_, err = c.auth.Login(context.Background(), &api.LoginRequest{User: "admin", Password: "none"})
	refused := status.Convert(err)
	check(refused.Code() == codes.Unauthenticated && len(refused.Proto().Details) > 0, fmt.Sprint(err))
	details := refused.Proto().Details[0]
	check(details.TypeUrl == "type.googleapis.com/google.rpc.ErrorInfo" && bytes.Contains(details.Value, []byte("LOGIN_FAILED")), fmt.Sprint(details))
	fmt.Println("details")

	var all sync.WaitGroup
	for range 100 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 10 {
				c.whoAmI()
			}
		}()
	}
	all.Wait()
	fmt.Println("1000 calls")
}
