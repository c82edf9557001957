const {lockDown}=await import("./.build/perf/src/agent/lockdown.js");
const {packValue,unpackValue}=await import("./.build/perf/src/wire/index.js");
const base=await import("./.build/perf-base/src/wire/index.js");
if(process.argv[2]!=="no") lockDown();
const vals={bc:{ last: 0, lost: 0, repeated: 0, outOfOrder: 0, end: 0, startedAt: 1.7e12, endedAt: 0, load: new Uint8Array(0) }, u8:new Uint8Array(97), msg:{to:"sink-inline",from:1234,count:100000}, undef:undefined, nested:{a:[{x:1,y:"é"},{x:2,y:"b"}],s:"x".repeat(100)}};
for (const [n,v] of Object.entries(vals)) { for(const [w,f] of [["new",packValue],["old",base.packValue]]) { for(let i=0;i<30000;i++) f(v); const c=process.cpuUsage(); for(let i=0;i<100000;i++) f(v); const d=process.cpuUsage(c); console.log(n,w,((d.user+d.system)/100000).toFixed(2),"us"); }
 const b=packValue(v); for(const [w,f] of [["new",unpackValue],["old",base.unpackValue]]) { for(let i=0;i<30000;i++) f(b); const c=process.cpuUsage(); for(let i=0;i<100000;i++) f(b.subarray(0)); const d=process.cpuUsage(c); console.log(n,"unpack",w,((d.user+d.system)/100000).toFixed(2),"us"); }
 if(Buffer.compare(packValue(v),base.packValue(v))) console.log("DIFF",n,Buffer.from(packValue(v)).toString("hex"),Buffer.from(base.packValue(v)).toString("hex")); }
