const {lockDown}=await import("./.build/perf/src/agent/lockdown.js");
const cca=Function.prototype.call.bind(String.prototype.charCodeAt);
const ok=Object.keys, gp=Object.getPrototypeOf;
if(process.argv[2]!=="no") lockDown();
const o={ last: 0, lost: 0, repeated: 0, outOfOrder: 0, end: 0, startedAt: 1.7e12, endedAt: 0, load: new Uint8Array(0) };
const t=new Uint8Array(8192); const dv=new DataView(t.buffer); const keys=Object.keys(o); let at=0;
const m=new Map(keys.map(k=>[k,new Uint8Array(k.length)]));
const lib={
 empty(){},
 keys(){ return ok(o).length },
 forin(){ let n=0; for(const k in o) n++; return n },
 keyread(){ let n=0; for(const k of keys) n+=o[k]===0?1:0; return n},
 forinread(){ let n=0; for(const k in o) n+=o[k]===0?1:0; return n},
 charCodeAt(){ let n=0; for(let i=0;i<keys.length;i++){const k=keys[i]; for(let j=0;j<k.length;j++) n+=k.charCodeAt(j);} return n },
 boundcca(){ let n=0; for(let i=0;i<keys.length;i++){const k=keys[i]; for(let j=0;j<k.length;j++) n+=cca(k,j);} return n },
 store(){ at=0; for(let i=0;i<60;i++) t[at++]=i; },
 mapget(){ let n=0; for(let i=0;i<keys.length;i++) n+=m.get(keys[i]).byteLength; return n },
 mapset(){ let n=0; for(let i=0;i<keys.length;i++) {t.set(m.get(keys[i]),n); n+=8;} return n },
 f64(){ dv.setFloat64(0,1.7e12); },
 slice100(){ return t.slice(0,100) },
 new100(){ const r=new Uint8Array(100); r.set(t.subarray(0,100)); return r},
 sub100(){ return t.subarray(0,100) },
 ctor100(){ return new Uint8Array(t.buffer,0,100) },
 spread(){ return {...o} },
 gp(){ return gp(o)===Object.prototype },
 isarr(){ return Array.isArray(o) },
 isview(){ return ArrayBuffer.isView(t) },
 u8copy0(){ return new Uint8Array(o.load) },
};
for(const [n,f] of Object.entries(lib)){ for(let i=0;i<20000;i++) f(); const c=process.cpuUsage(); for(let i=0;i<200000;i++) f(); const d=process.cpuUsage(c); console.log(n.padEnd(12),((d.user+d.system)/200).toFixed(0),"ns"); }
