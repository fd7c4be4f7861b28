#include "catalog/proto_text.h"

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/timestamp.pb.h>
#include <gtest/gtest.h>

#include "bitvault/options.pb.h"

namespace bitvault {
namespace {

namespace pb = google::protobuf;

constexpr std::string_view kHead = R"(
syntax = "proto3";
package bitvault.probe.v1;
import "bitvault/options.proto";
import "google/protobuf/timestamp.proto";
)";

class Complain final : public pb::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    ADD_FAILURE() << "line " << line << ", column " << column << ": " << message;
  }
};

}  // namespace

std::string descriptor_set_of(std::string_view declarations) {
  const std::string text = std::string(kHead) + std::string(declarations);
  pb::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  Complain complain;
  pb::io::Tokenizer tokenizer(&input, &complain);
  pb::compiler::Parser parser;
  pb::compiler::SourceLocationTable locations;
  parser.RecordSourceLocationsTo(&locations);
  parser.RecordErrorsTo(&complain);
  pb::FileDescriptorProto parsed;
  parsed.set_name("bitvault/probe/v1/probe.proto");
  EXPECT_TRUE(parser.Parse(&tokenizer, &parsed));

  // Building the file resolves its names and options.
  pb::DescriptorPool pool(pb::DescriptorPool::generated_pool());
  const pb::FileDescriptor* built = pool.BuildFile(parsed);
  pb::FileDescriptorSet files;
  pb::FileDescriptorProto::descriptor()->file()->CopyTo(files.add_file());
  CatalogEvent::descriptor()->file()->CopyTo(files.add_file());
  pb::Timestamp::descriptor()->file()->CopyTo(files.add_file());
  if (built == nullptr) {
    ADD_FAILURE() << "the declarations are not valid";
    return {};
  }
  built->CopyTo(files.add_file());
  built->CopySourceCodeInfoTo(files.mutable_file(3));
  return files.SerializeAsString();
}

}  // namespace bitvault
