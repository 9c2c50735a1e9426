"""Where the Python is friendlier than the protos say. What is not here follows from them: see wrappers.py.

Messages, methods and fields are named without their package: "Role.Rule", "GetUser", "Upload.upload_id".
"""

from __future__ import annotations

# ---- Classes -----------------------------------------------------------------------------------------------------------

# Messages that written code gives, beside those that generated methods give and what these are made of.
ROOTS = [
    "CreateTokenResponse",
    "Event",
    "Identity",
    "Object",
    "Preconditions",
    "Process",
    "Revision",
    "RunTaskResponse.Exited",
    "RunTaskResponse.Output",
    "Upload",
]

# Written in values.py.
WRITTEN_CLASSES = {"Role.Rule": "Rule"}

CLASS_NAMES = {
    "CreateTokenResponse": "ApiToken",
    "Preconditions": "Condition",
    "ReloadDomainsResponse": "DomainChanges",
    "RunTaskResponse.Exited": "TaskExit",
    "RunTaskResponse.Output": "TaskOutput",
}

# Plain values, which people make too, with the parameters that have no default. The others are views of their messages.
VALUES = {
    "DomainCertificate": ["chain"],
    "DomainRoute": ["targets"],
    "DomainTarget": ["process"],
    "DomainTraffic": ["requests_per_second", "errors_per_second", "latency_p95", "requests", "errors", "waiting"],
    "Preconditions": [],
    "ReloadDomainsResponse": ["file", "created", "changed", "removed", "unchanged"],
    "RunTaskResponse.Output": ["stream", "data"],
}

# Those that people make for a request.
SENT = {"DomainCertificate", "DomainRoute", "DomainTarget", "Preconditions"}

# Their fields are those of the message itself.
FLATTENED = {"Domain": ["spec", "status"], "Volume": ["spec", "status"]}

# Properties under other names, and further ones: where they are in the message.
PROPERTIES = {
    "Identity": {"name": "user", "user": "user"},
    "Object": {"size": "size_bytes"},
    "Preconditions": {
        "generation": "if_generation_match",
        "not_generation": "if_generation_not_match",
        "metageneration": "if_metageneration_match",
        "not_metageneration": "if_metageneration_not_match",
    },
    "Process": {
        "command": "spec.command",
        "environment": "spec.environment",
        "secret_environment": "spec.secret_environment",
        "status": "status.state",
        "details": "status",
    },
    "RunTaskResponse.Exited": {"report": "exit"},
    "Upload": {"id": "upload_id", "persisted": "persisted_bytes"},
    "Volume": {"size": "status.size_bytes"},
}

# In requests only.
NOT_ANSWERED = {"Object.ttl"}

# Times, durations and messages that are always there, by name or of one message; others are None where they are unset.
ALWAYS_SET = {
    "create_time",
    "exit",
    "identity",
    "latency_p95",
    "session",
    "spec",
    "status",
    "time",
    "traffic",
    "update_time",
    "Session.expire_time",
    "System.start_time",
    "Upload.expire_time",
}
NOT_ALWAYS_SET = {"Role.create_time", "Role.update_time"}

# What a zero stands for.
ZEROS = {"DomainRoute.path": '"/"', "DomainTarget.weight": "1", "DomainTargetStatus.path": '"/"'}

# Words of enums that need not be there.
UNSET_WORDS = {"Revision.step"}

# None unless the other field is set.
KNOWN_WITH = {"VolumeStatus.size_bytes": "size_time"}

# No repr shows them.
SECRETS = {"DomainCertificate.private_key"}

# What str() and repr() say; what has a str() equals it.
STR = {"ProcessStatus": "{self.state}"}
REPR = {
    "AuditRecord": "{self.id} {self.user!r} {self.method} {self.result}",
    "CreateTokenResponse": "{self.session!r}",
    "Domain": "{self.name!r} {self.state}",
    "Event": "{self.revision} {self.kind} {self.name!r} {self.action}",
    "ExitReport": "{self.reason} exit_code={self.exit_code} signal={self.signal!r}",
    "Identity": "{self.user!r} by {self.login_method}",
    "Object": "{self.id} {self.name!r} generation={self.generation} size={self.size}",
    "Process": "{self.id} {self.name!r} {self.status}",
    "ProcessStatus": "{self.state} ready={self.ready} pid={self.pid}",
    "Quota": "{self.prefix!r}",
    "Revision": "{self.number} of {self.process!r} {self.state}",
    "RunTaskResponse.Exited": "{self.status}",
    "Session": "{self.id} of {self.user!r} by {self.login_method}",
    "Setting": "{self.name}={self.value!r} of {self.source}",
    "System": "{self.version}",
    "Upload": "{self.id} of {self.name!r} persisted={self.persisted}",
}

# Of messages that say nothing of themselves, or nothing that helps here.
CLASS_DOCS = {
    "CreateTokenResponse": "A new API token. Its repr does not show it.",
    "Event": "What happened to a thing.",
    "DomainRoute": "Where requests go whose path begins with `path`.",
    "DomainTarget": "A process that requests go to.",
    "DomainTargetStatus": "What a target is like now.",
    "Object": "An object, a version of one, or a folder.",
    "Preconditions": "What must hold of the live object for a call to be carried out; generation 0: there is none.",
    "Process": "A process: what is wanted and what is so. `status` is the state in a word; `details` has more.",
    "ProcessStatus": "What is so. Equals its state: `status == \"stopped\"`; `str(status)` is that.",
    "RpcCounter": "Calls of one method that ended in one way.",
    "ReloadDomainsResponse": "What a reload of domains.conf came to: names of domains.",
    "RunTaskResponse.Exited": "How a task ended; nothing that came of it is left.",
    "Session": "A log-in or an API token that has not ended.",
    "System": "The system itself.",
    "TransactObjectsResponse": "What became of a transaction.",
    "Upload": "A content on its way.",
}

# Of fields whose comments say too little where they are read alone.
FIELD_DOCS = {
    "DeleteObjectResponse.revision": "The revision of the deletion.",
    "Event.resource_id": "The id of the thing.",
    "Object.size_bytes": "Bytes of the content.",
    "Upload.finished": "Whether it has become an object.",
}

# What the comments say of the API that is another thing here.
SPOKEN = {
    "As in DomainSpec": "As in `create_domain`",
    "see DomainSpec": "see `create_domain`",
    "See DomainSpec": "See `create_domain`",
    "As in MoveObjectRequest": "As in `move_object`",
    "CreateProcessRequest.caller_directory": "`caller_directory` of `create_process`",
    "`preconditions`": "`condition`",
    "`status.state`": "`state`",
    "until Resume": "until `resume`",
}

# Values of enums that mean something else in comments: a variable.
NOT_WORDS = {"PATH"}

# ---- Methods -----------------------------------------------------------------------------------------------------------

# Written by hand, because they do more than a call: under which name.
WRITTEN_METHODS = {
    "CreateObject": "create_object",
    "CreateProcess": "create_process",
    "DeployProcess": "deploy_process",
    "FinishUpload": "resume_upload",
    "Login": "login",
    "LoginPeer": "login_peer",
    "Logout": "logout",
    "MeasureObjects": "measure_objects",
    "MoveFolder": "move_folder",
    "PutObject": "put_object",
    "ReadObject": "read_object",
    "RefreshToken": "login",
    "RunTask": "run_task",
    "StartUpload": "start_upload",
    "TransactObjects": "transact_objects",
    "UpdateObject": "update_object",
    "UpdateProcess": "update_process",
    "WaitProcess": "wait_process",
    "WaitRevision": "wait_revision",
    "WriteUpload": "resume_upload",
}

METHOD_NAMES = {
    "AssignDomain": "assign_process_to_domain",
    "TailDomainLogs": "tail_domain_log_messages",
    "TailLogs": "tail_log_messages",
    "Watch": "watch_messages",
    "WhoAmI": "whoami",
}

ALIASES = {"StopProcess": "kill_process"}

# Parameters in their order, each with the field that it sets where that has another name, and `...` for the default of
# its type. `**rest: a.b` are all other fields of a.b, where
# None is as if it was not given. What is not named here is a keyword of its own.
SIGNATURES = {
    "AssignDomain": "domain: name, process_id: process = '', port=None, *, max_body_bytes=None",
    "CheckObjects": "prefix=''",
    "CopyObject": "name, destination",
    "CreateDomain": "name: domain.name, routes: domain.spec.routes, **rest: domain.spec",
    "CreateRole": "name: role.name, rules: role.rules, description: role.description = ''",
    "CreateToken": "label=''",
    "CreateUser": "name: user.name, *, roles: user.roles = ...",
    "CreateVolume": "name: volume.name, *, account: volume.spec.account = ..., shared: volume.spec.shared = ...",
    "DeleteQuota": "prefix",
    "EndSession": "session_id: id",
    "GetRevision": "name: process, number=0",
    "GrantRole": "user, role",
    "ListAuditRecords": "*, page_size=...",
    "ListObjects": "prefix='/', *, page_size=...",
    "ListRevisions": "name: process, page_size=0",
    "ListSessions": "user='', page_size=0",
    "ListVersions": "name, page_size=0",
    "ListUploads": "*, page_size=...",
    "MoveObject": "name, destination",
    "RevokeRole": "user, role",
    "RollbackProcess": "name: process, number=0",
    "SetLogLevel": "level",
    "SetPassword": "password",
    "SetQuota": "prefix: quota.prefix, *, max_objects: quota.max_objects = ..., max_bytes: quota.max_bytes = ..., "
    "include_versions: quota.include_versions = ...",
    "SignalProcess": "name, signal",
    "TailDomainLogs": "name, lines=100",
    "TailLogs": "name, lines=100",
    "UnassignDomain": "name, process_id: process = ''",
    "UpdateDomain": "name: domain.name, routes: domain.spec.routes, *, etag: domain.etag = ..., **rest: domain.spec",
    "UpdateRole": "name: role.name, rules: role.rules, description: role.description = '', *, etag: role.etag = ...",
    "UpdateVolume": "name: volume.name, *, shared: volume.spec.shared, etag: volume.etag = ...",
    "Watch": "from_revision=0, kinds=(), prefix=''",
}

# Fields of requests under other names.
PARAMETER_NAMES = {"preconditions": "condition"}

# Fields that a method does not set: others do.
NOT_ASKED = {"DeleteObjectRequest.in_parts", "DeleteObjectRequest.versions_only", "DomainCertificate.expire_time"}

# What a parameter takes, and the field's value from it.
CONVERTED = {
    "SignalProcessRequest.signal": ("str | int", "str({})"),
    "TailDomainLogsRequest.lines": ("int", "{} or -1"),
    "TailLogsRequest.lines": ("int", "{} or -1"),
}
CONVERTED_DOCS = {
    "TailDomainLogsRequest.lines": "How many of the last lines to begin with, at most 1,000,000. Ignored with `cursor`.",
    "TailLogsRequest.lines": "How many of the last lines to begin with, at most 1,000,000. Ignored with `cursor`.",
}

# Of methods whose comments say nothing before their errors, or say it as of the call.
METHOD_DOCS = {
    "CreateRole": "A role of one's own; `grant_role` gives it to a user. Nobody hands out more than they have: a rule that "
    "allows what the caller may not do is refused; so it is in `update_role`, and when a role is granted.",
    "CreateToken": "An API token of the caller, for `GrpcOSClient(…, token=…)` or GRPC_OS_TOKEN: it works until it expires or is "
    "ended by `end_session`, and can do what both its roles and the user's roles allow. Only a session makes tokens, not a token.",
    "CreateUser": "Without a password the user cannot log in for now.",
    "DeleteObject": "Deletes an object, or with `recursive` a folder and all in it, in one revision. `undelete_object` brings "
    "objects back for 7 days, unless `purge` was set. More than 10,000 objects: `delete_folder`; old versions alone: "
    "`delete_versions`.",
    "DeleteQuota": "Bounds nothing below the prefix any more.",
    "DeleteRole": "Nobody may have it any more.",
    "GetDomain": "The domain as of now, each target with its `probe`.",
    "GetProcess": "The process as of now.",
    "GetRevision": "One revision of a process.",
    "GetRole": "The role as it is now.",
    "GetUser": "The user as it is now.",
    "GetVolume": "The volume as of now.",
    "ListObjects": "What lies in a folder, in the order of the bytes of the names, without contents; with `recursive` all objects "
    "whose names begin with `prefix`.",
    "ListProcesses": "All processes in the order of their names; with `system`, those of gRPC OS itself.",
    "ListUsers": "All users in the order of their names.",
    "MoveObject": "Renames an object, or a folder with at most 10,000 objects in it, in one revision; ids, generations and versions "
    "stay. A larger folder: `move_folder`. The caller must be allowed to read it as well.",
    "UpdateVolume": "Changes whether several processes may use it at a time.",
    "WhoAmI": "Who the token of this client stands for.",
}

# The field of the answer that is given; by default the whole answer, or its only field.
GIVEN = {"DeleteObject": "revision", "WhoAmI": "identity"}

# Lists that are short, given as such.
WHOLE_LISTS = {"ListQuotas", "ListRoles"}

# How long the daemon waits for something before it answers, beside the client's `timeout`, in seconds.
WAITS = {"AssignDomain": 30.0, "UnassignDomain": 30.0}
