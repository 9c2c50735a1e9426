// What may be the name of a domain, and a path of it.
#ifndef GRPC_OS_BASE_DOMAIN_NAME_H_
#define GRPC_OS_BASE_DOMAIN_NAME_H_

#include <string>
#include <string_view>

namespace grpc_os {

// As it is stored and compared: lower case. Names are the same in either (RFC 4343).
std::string CanonicalDomainName(std::string_view name);

// What is wrong with a canonical name, with the cure: "has a port; give the name alone". Empty: it
// is one. Labels of letters, digits and '-' (RFC 1123, 2.1), of 1 to 63 bytes each and 253 in all;
// one label is enough ("localhost"). "*.example.com" is every name with one label more. Names of
// other scripts are written as they travel, in their xn-- form. An address is no name: what ends in
// a number is taken for one by browsers (WHATWG URL, "ends in a number").
std::string DomainNameProblem(std::string_view name);

// Whether a name is, or is below, one that nobody can register: localhost, internal, test, example,
// invalid, local, home.arpa (RFC 6761, 6762, 8375; ICANN's resolution of 2024-07-29 for internal).
bool IsSpecialUseName(std::string_view name);

// The same for the prefix of a path that leads to a process: "/", or segments of letters, digits
// and . _ ~ - without a slash at the end, of at most limits::kRoutePathBytes.
std::string RoutePathProblem(std::string_view path);

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_DOMAIN_NAME_H_
