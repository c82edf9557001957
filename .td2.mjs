const what=process.argv[2];
const T=Object.getPrototypeOf(Uint8Array.prototype);
const objs={u:Uint8Array.prototype,t:T,o:Object.prototype,a:Array.prototype,s:String.prototype};
const fz=o=>{ Object.preventExtensions(o); for(const k of Reflect.ownKeys(o)){ const d=Object.getOwnPropertyDescriptor(o,k); Object.defineProperty(o,k,"value" in d?{writable:false,configurable:false}:{configurable:false}); } };
for(const c of what) if(objs[c]) fz(objs[c]);
console.log(what,[...what].map(c=>objs[c]&&Object.isFrozen(objs[c])).join());
const t=new Uint8Array(8192); let at=0; const arr=new Array(100).fill(0);
const lib={ store(){ at=0; for(let i=0;i<60;i++) t[at++]=i; }, arrstore(){ for(let i=0;i<60;i++) arr[i]=i; }, push(){ const a=[]; for(let i=0;i<20;i++) a.push(i); }, append(){ const a=[]; for(let i=0;i<20;i++) a[i]=i; },arrnew(){ const a=new Array(20); for(let i=0;i<20;i++) a[i]=i; }, slice(){ return t.slice(0,100)} };
let line=what.padEnd(8);
for(const [n,f] of Object.entries(lib)){ for(let i=0;i<20000;i++) f(); const c=process.cpuUsage(); for(let i=0;i<100000;i++) f(); const d=process.cpuUsage(c); line+=n+" "+((d.user+d.system)/100).toFixed(0)+"  "; }
console.log(line);
