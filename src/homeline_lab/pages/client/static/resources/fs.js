'use strict';
'require baseclass';

/* LuCI's class `fs`, the part that reads a file of the router's past ubus. */

const NAMES = { 400: 'InvalidArgumentError', 403: 'PermissionError', 404: 'NotFoundError' };

return baseclass.extend({
	read_direct: (path, type) => L.Request.post(`${L.env.cgi_base}/cgi-download`, new URLSearchParams({
		sessionid: L.env.sessionid, path: path
	}).toString(), { responseType: type == 'blob' ? 'blob' : 'text' }).then((answer) => {
		if (!answer.ok) {
			const error = new Error(answer.statusText);

			error.name = NAMES[answer.status] || 'Error';
			throw error;
		}

		return type == 'blob' ? answer.blob() : type == 'json' ? answer.json() : answer.text();
	})
});
